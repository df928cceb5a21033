"""Peers of one room on three nodes: nothing of the protocol shows where they are."""

import asyncio
import json

import httpx
import websockets

from .cluster_nodes import cluster, eventually
from .running import RunningServer, ask, closed_with, hear
from .test_level2_wire import proof, welcome


async def test_peers_on_different_nodes_exchange_signals(nodes: list[RunningServer]) -> None:
    home, left, right = nodes
    room = await home.room()
    async with home.peer("a", room) as a, left.peer("b", room) as b, right.peer("c", room) as c:
        sockets = {"a": a, "b": b, "c": c}
        for sender, socket in sockets.items():
            for target, other in sockets.items():
                offer = {"type": "offer", "sender": sender, "target": target, "sdp": f"{sender} to {target}"}
                await socket.send(json.dumps(offer))
                assert await hear(other) == offer


async def test_presence_acks_and_discovery(nodes: list[RunningServer]) -> None:
    home, left, right = nodes
    room = await home.room()
    async with home.peer("a", room, protocol=2) as a, left.peer("b", room, protocol=2, role="worker") as b:
        joined = await hear(a)
        assert (joined["type"], joined["peer"]["peer_id"]) == ("peer_joined", "b")
        async with right.peer("c", room, protocol=2) as c:
            assert (await hear(a))["peer"]["peer_id"] == (await hear(b))["peer"]["peer_id"] == "c"
            found = await ask(c, {"type": "discover_peers", "filters": {"role": "worker"}})
            assert [peer["peer_id"] for peer in found["peers"]] == ["b"]
            ack = await ask(c, {"type": "peer_message", "to_peer_id": "b", "payload": 1, "ref": 7})
            assert ack == {"type": "ack", "ref": 7, "status": "delivered"}
            message = await hear(b)
            assert (message["payload"], message["from_peer_id"]) == (1, "c")
            await c.send('{"type":"leave"}')
            assert await closed_with(c) == 1000
        assert (await hear(a))["type"] == (await hear(b))["type"] == "peer_left"


async def test_a_session_is_resumed_on_another_node(nodes: list[RunningServer]) -> None:
    home, left, right = nodes
    room, user = await home.room(), await home.sign_in()
    async with home.peer("s", room, protocol=2) as sender:
        fields = left.registration("p", room, user)
        async with websockets.connect(left.ws_url) as first:
            before = await welcome(first, fields)
            assert (await hear(sender))["type"] == "peer_joined"
            first.transport.abort()
            assert (await hear(sender))["type"] == "peer_away"
        for payload in (1, 2):
            message = {"type": "peer_message", "to_peer_id": "p", "payload": payload, "ref": payload}
            assert (await ask(sender, message))["status"] == "buffered"
        async with websockets.connect(right.ws_url) as second:
            after = await welcome(second, fields | proof(before, 0))
            assert after["session"]["resumed"]
            assert [(await hear(second))["payload"] for _ in range(2)] == [1, 2]
            assert (await hear(sender))["type"] == "peer_back"


async def test_the_same_user_takes_its_peer_id_over_on_another_node(nodes: list[RunningServer]) -> None:
    home, left, right = nodes
    room, user = await home.room(), await home.sign_in()
    async with home.peer("first", room), left.peer("p", room, user) as older, right.peer("p", room, user) as newer:
        assert await closed_with(older) == 4001
        assert (await ask(newer, {"type": "ping"}))["type"] == "pong"


async def test_refusals_count_whichever_node_says_them(nodes: list[RunningServer]) -> None:
    home, left, _ = nodes
    room, empty = await home.room(), await home.room()
    async with home.peer("a", room), websockets.connect(left.ws_url) as socket:
        user = await left.sign_in()
        for refused in ((room[0], "wrong"), (empty[0], "wrong"), (room[0], "wrong")):
            reply = await ask(socket, left.registration("b", refused, user))
            assert reply["code"] == "INVALID_ROOM_TOKEN"
        assert (await ask(socket, {"type": "ping"}))["code"] == "NOT_REGISTERED"
        reply = await ask(socket, left.registration("b", ("nowhere2", "wrong"), user))
        assert reply["code"] == "ROOM_NOT_FOUND"
        assert await closed_with(socket) == 4008


async def test_a_taken_peer_id_is_refused_on_every_node(nodes: list[RunningServer]) -> None:
    home, left, _ = nodes
    room = await home.room()
    async with home.peer("p", room), websockets.connect(left.ws_url) as socket:
        reply = await ask(socket, left.registration("p", room, await left.sign_in()))
        assert reply["code"] == "PEER_ID_TAKEN"
        assert (await ask(socket, left.registration("q", room, await left.sign_in())))["type"] == "registered_auth"


async def test_two_clients_on_different_nodes_never_claim_the_same_worker(nodes: list[RunningServer]) -> None:
    home, left, right = nodes
    room = await home.room()
    async with (
        home.peer("w", room, role="worker"),
        left.peer("x", room) as x,
        right.peer("y", room) as y,
    ):
        for _ in range(20):
            claim = {"type": "claim_peer", "filters": {"role": "worker"}}
            answers = await asyncio.gather(ask(x, claim), ask(y, claim))
            assert sorted(answer["type"] for answer in answers) == ["error", "peer_claimed"]
            [won] = [answer for answer in answers if answer["type"] == "peer_claimed"]
            holder = x if answers[0] is won else y
            released = await ask(holder, {"type": "release_claim", "claim_id": won["claim_id"]})
            assert released["type"] == "claim_released"


async def test_a_room_lets_its_home_go_with_its_last_peer(nodes: list[RunningServer]) -> None:
    first, second, _ = nodes
    room = await first.room()
    here, there = cluster(first), cluster(second)
    async with first.peer("a", room):
        assert await here.registry.home(room[0]) == here.homes.here[room[0]]
    async with asyncio.timeout(10):
        while await here.registry.home(room[0]) is not None:  # noqa: ASYNC110 - it is in another process
            await asyncio.sleep(0.01)
    async with second.peer("a", room):
        assert await here.registry.home(room[0]) == there.homes.here[room[0]]


async def test_rooms_that_do_not_exist_leave_nothing_behind(nodes: list[RunningServer]) -> None:
    node = nodes[0]
    async with websockets.connect(node.ws_url) as socket:
        reply = await ask(socket, node.registration("a", ("nowhere2", "t"), await node.sign_in()))
        assert reply["code"] == "ROOM_NOT_FOUND"
    await eventually(lambda: "nowhere2" not in cluster(node).homes.here)


async def test_a_reader_that_stops_reading_behind_a_pipe_is_cut_off(nodes: list[RunningServer]) -> None:
    home, left, _ = nodes
    room = await home.room()
    message = json.dumps({"type": "peer_message", "to_peer_id": "slow", "payload": "x" * 60_000})
    async with home.peer("a", room) as sender, left.peer("slow", room) as slow:
        slow.transport.pause_reading()
        for _ in range(1000):
            await sender.send(message)
            answer = await ask(sender, {"type": "ping"})
            if answer["type"] == "error":
                break
        assert answer["code"] == "PEER_NOT_FOUND"
        assert (await hear(sender))["type"] == "pong"
        slow.transport.abort()


async def test_a_reader_behind_a_pipe_that_keeps_up_gets_everything(nodes: list[RunningServer]) -> None:
    home, left, _ = nodes
    room = await home.room()
    async with home.peer("a", room) as sender, left.peer("b", room) as reader:
        for number in range(200):
            message = {"type": "peer_message", "to_peer_id": "b", "payload": [number, "x" * 60_000]}
            await sender.send(json.dumps(message))
            assert (await hear(reader))["payload"][0] == number


async def test_the_http_api_knows_of_peers_on_every_node(nodes: list[RunningServer]) -> None:
    home, left, right = nodes
    owner, guest = await home.sign_in(), await home.sign_in()
    room = await home.room(owner)
    path = f"/api/rooms/{room[0]}"
    async with (
        home.peer("a", room, guest),
        left.peer("b", room, guest) as b,
        right.peer("c", room) as c,
        httpx.AsyncClient(base_url=right.http_url, headers={"Authorization": f"Bearer {owner}"}) as http,
        httpx.AsyncClient(base_url=left.http_url, headers={"Authorization": f"Bearer {guest}"}) as other,
    ):
        assert (await http.get(path)).json()["peer_count"] == 3
        assert (await http.get("/api/rooms")).json()["items"][0]["peer_count"] == 3
        for client in (http, other):
            listed = (await client.get(f"{path}/peers")).json()["items"]
            assert [peer["peer_id"] for peer in listed] == ["a", "b", "c"]
        assert (await other.delete(f"{path}/peers/c")).status_code == 403
        assert (await http.delete(f"{path}/peers/b")).status_code == 204
        assert await closed_with(b) == 4003
        assert (await http.patch(path, json={"max_peers": 2})).json()["peer_count"] == 2
        async with websockets.connect(left.ws_url) as full:
            assert (await ask(full, left.registration("d", room, guest)))["code"] == "ROOM_FULL"
        removed = await other.post("/delete-peers-and-room", json={"peer_id": "a"})
        assert removed.json() == {"status": "peer deleted successfully"}
        assert (await http.delete(path)).status_code == 204
        assert await closed_with(c) == 4003
        assert (await http.get(path)).status_code == 404


async def test_a_node_that_has_just_come_is_asked_too(nodes: list[RunningServer]) -> None:
    left, right, _ = nodes
    room, guest = await left.room(), await left.sign_in()
    async with right.peer("new", room, guest), httpx.AsyncClient(base_url=left.http_url) as http:
        cluster(left)._alive -= {cluster(right).name}  # it has not heard of it yet
        http.headers["Authorization"] = f"Bearer {guest}"
        removed = await http.post("/delete-peers-and-room", json={"peer_id": "new"})
        assert removed.json() == {"status": "peer deleted successfully"}


async def test_metrics_tell_of_pipes_and_of_the_bus(nodes: list[RunningServer]) -> None:
    home, door, _ = nodes
    room = await home.room()
    async with home.peer("a", room), door.peer("b", room, protocol=2):
        values = {}
        for node in (home, door):
            async with httpx.AsyncClient(base_url=node.http_url) as http:
                lines = (await http.get("/metrics")).text.splitlines()
            values[node] = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        assert float(values[door]['heliograph_cluster_pipes{end="door"}']) == 1
        assert float(values[home]['heliograph_cluster_pipes{end="home"}']) == 1
        assert float(values[home]["heliograph_cluster_nodes"]) == 3
        assert float(values[home]["heliograph_connections"]) == float(values[door]["heliograph_connections"]) == 1
        assert float(values[home]["heliograph_bus_publishes_total"]) > 0
        assert float(values[home]["heliograph_cluster_commits_total"]) > 0
        assert float(values[home]["heliograph_bus_outages_total"]) == 0

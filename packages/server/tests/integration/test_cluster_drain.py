"""A node that is told to end: its rooms and peers go to the others, and nobody loses anything."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from redis_server import RedisServer
from websockets.asyncio.client import ClientConnection

from heliograph_server.app import Application
from heliograph_server.cluster.drain import DRAIN_S, PEERS_PER_S, Step, drain, drain_s
from heliograph_server.serve import Listeners, serve
from heliograph_server.settings import Settings

from .cluster_nodes import cluster, eventually, knows
from .running import RunningServer, ask, closed_with, hear
from .test_level2_wire import proof, welcome

DELAY_S = 2


class Stoppable:
    """A node that a test ends, as SIGTERM would."""

    def __init__(self, data_dir: Path, url: str, drain_delay_s: int) -> None:
        settings = Settings(
            http_port=0,
            ws_port=0,
            data_dir=data_dir,
            cluster_url=url,
            rate_limit=100_000,
            drain_delay_s=drain_delay_s,
        )
        listeners = Listeners.bind(settings)
        self._application = Application(settings)
        self.server = RunningServer(self._application, listeners.http_port, listeners.ws_port)
        self._listeners = listeners
        self._over = asyncio.Event()

    async def run(self) -> None:
        async def until_over() -> None:
            await self._over.wait()

        await serve(self._application, self._listeners, while_up=until_over)

    def stop(self) -> None:
        self._over.set()


@asynccontextmanager
async def stoppable_nodes(
    data_dir: Path, url: str, count: int, *, drain_delay_s: int = 0
) -> AsyncIterator[list[Stoppable]]:
    async with asyncio.TaskGroup() as tasks:
        nodes = [Stoppable(data_dir, url, drain_delay_s) for _ in range(count)]
        for node in nodes:
            tasks.create_task(node.run())
        try:
            await eventually(lambda: all(knows(node.server, count) for node in nodes))
            yield nodes
        finally:
            for node in nodes:
                node.stop()


async def test_peers_resume_elsewhere_with_all_that_was_theirs(redis: RedisServer, tmp_path: Path) -> None:
    async with stoppable_nodes(tmp_path, redis.url, 2) as (old, new), AsyncExitStack() as stack:
        room, user = await old.server.room(), await old.server.sign_in()
        fields = {name: old.server.registration(name, room, user) for name in ("a", "b", "at the door")}
        fields["at the door"]["peer_id"] = "door"
        a = await stack.enter_async_context(websockets.connect(old.server.ws_url))
        b = await stack.enter_async_context(websockets.connect(new.server.ws_url))
        before = {"a": await welcome(a, fields["a"]), "b": await welcome(b, fields["b"])}
        assert (await hear(a))["type"] == "peer_joined"
        claimed = await ask(a, {"type": "claim_peer"})
        assert (await hear(b))["type"] == "claimed"
        old.stop()
        for socket in (a, b):
            assert (await hear(socket))["type"] == "server_draining"
        assert await closed_with(a) == await closed_with(b) == 1012
        received = {"a": 3, "b": 2}
        resumed: dict[str, Any] = {}
        for name in ("a", "b"):
            socket = await stack.enter_async_context(websockets.connect(new.server.ws_url))
            reply = await welcome(socket, fields[name] | proof(before[name], received[name]))
            assert reply["session"]["resumed"], name
            resumed[name] = socket
        assert (await hear(resumed["a"]))["type"] == "peer_back"
        released = await ask(resumed["a"], {"type": "release_claim", "claim_id": claimed["claim_id"]})
        assert released["type"] == "claim_released"
        assert cluster(new.server).homes.here.keys() == {room[0]}


async def test_messages_that_nobody_has_had_yet_move_too(redis: RedisServer, tmp_path: Path) -> None:
    async with stoppable_nodes(tmp_path, redis.url, 2) as (old, new):
        room, user = await old.server.room(), await old.server.sign_in()
        fields = old.server.registration("away", room, user)
        async with websockets.connect(old.server.ws_url) as first:
            before = await welcome(first, fields)
        async with old.server.peer("s", room) as sender:
            for number in range(20):
                message = {"type": "peer_message", "to_peer_id": "away", "payload": number}
                await sender.send(json.dumps(message))
            assert (await ask(sender, {"type": "ping"}))["type"] == "pong"
            old.stop()
            assert await closed_with(sender) == 1012
        async with websockets.connect(new.server.ws_url) as second:
            after = await welcome(second, fields | proof(before, 0))
            assert after["session"]["resumed"]
            heard = [await hear(second) for _ in range(22)]
            assert [message.get("payload") for message in heard if message["type"] == "peer_message"] == [*range(20)]


async def test_a_peer_at_the_door_of_a_node_that_ends_resumes_at_another_door(
    redis: RedisServer, tmp_path: Path
) -> None:
    async with stoppable_nodes(tmp_path, redis.url, 3) as (home, old, new):
        room, user = await home.server.room(), await home.server.sign_in()
        fields = home.server.registration("p", room, user)
        async with home.server.peer("s", room, protocol=2) as sender:
            async with websockets.connect(old.server.ws_url) as first:
                before = await welcome(first, fields)
                old.stop()
                assert (await hear(first))["type"] == "server_draining"
                assert await closed_with(first) == 1012
            assert [(await hear(sender))["type"] for _ in range(2)] == ["peer_joined", "peer_away"]
            async with websockets.connect(new.server.ws_url) as second:
                after = await welcome(second, fields | proof(before, 1))
                assert after["session"]["resumed"]
                assert (await hear(sender))["type"] == "peer_back"


async def test_a_node_that_is_to_end_serves_until_balancers_have_noticed(redis: RedisServer, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with (
        stoppable_nodes(tmp_path, redis.url, 2, drain_delay_s=DELAY_S) as (old, _),
        httpx.AsyncClient(base_url=old.server.http_url) as http,
    ):
        room = await old.server.room()
        assert "connection" not in (await http.get("/ready")).headers
        began = loop.time()
        old.stop()
        answer = await http.get("/ready")
        while answer.status_code == 200:
            answer = await http.get("/ready")
        for answered in (answer, await http.post("/anonymous-signin"), await http.get("/nothing-is-here")):
            assert answered.headers["connection"] == "close"
        assert [answer.status_code, answered.status_code] == [503, 404]
        async with old.server.peer("late", room, protocol=2) as peer:
            assert (await hear(peer))["type"] == "server_draining"
            assert loop.time() - began >= DELAY_S
            assert await closed_with(peer) == 1012


async def test_steps_are_spread_over_the_time_that_their_peers_need() -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    began = loop.time()
    steps = [Step(PEERS_PER_S // 20, lambda: times.append(loop.time() - began)) for _ in range(10)]
    await drain(steps, rng=random.Random(0))
    assert len(times) == 10
    assert times[-1] >= 0.9 * 9 * (1 / 20)
    assert loop.time() - began >= 0.5


@pytest.mark.parametrize(("peers", "seconds"), [(0, 0.0), (PEERS_PER_S, 1.0), (1_000_000, DRAIN_S)])
def test_a_drain_takes_as_long_as_its_peers_need_and_no_longer_than_its_bound(peers: int, seconds: float) -> None:
    assert drain_s(peers) == seconds


async def test_whoever_is_on_the_way_into_a_room_that_moves_comes_in_at_its_new_home(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stoppable_nodes(tmp_path, redis.url, 2) as (old, new):
        room, user = await old.server.room(), await old.server.sign_in()
        rooms = old.server.application.rooms
        admit, asked, answered = rooms.admit, asyncio.Event(), asyncio.Event()

        async def admit_late(*arguments: Any) -> Any:
            asked.set()
            await answered.wait()
            return await admit(*arguments)

        async with old.server.peer("a", room, user, protocol=2) as a, websockets.connect(new.server.ws_url) as b:
            monkeypatch.setattr(rooms, "admit", admit_late)
            coming = asyncio.create_task(welcome(b, old.server.registration("b", room, user)))
            await asked.wait()
            old.stop()
            assert await closed_with(a) == 1012
            answered.set()
            assert [peer["peer_id"] for peer in (await coming)["peers"]] == ["a"]
            assert cluster(new.server).homes.here.keys() == {room[0]}
            assert not old.server.application.hub.occupied(room[0])


async def test_all_who_come_back_while_a_room_is_still_being_restored_have_their_sessions(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stoppable_nodes(tmp_path, redis.url, 2) as (old, new), AsyncExitStack() as stack:
        room, user = await old.server.room(), await old.server.sign_in()
        fields = {name: old.server.registration(name, room, user) for name in ("a", "b", "c")}
        sockets = {name: await stack.enter_async_context(websockets.connect(old.server.ws_url)) for name in fields}
        before = {name: await welcome(socket, fields[name]) for name, socket in sockets.items()}
        old.stop()
        heard = {name: len(await all_of(socket)) for name, socket in sockets.items()}
        rooms, homes = new.server.application.rooms, cluster(new.server).homes
        find, restoring = rooms.find, asyncio.Event()

        async def find_late(room_id: str) -> Any:
            restoring.set()
            await eventually(lambda: homes._guests[room_id] == len(fields))
            return await find(room_id)

        async def come_back(name: str) -> bool:
            socket = await stack.enter_async_context(websockets.connect(new.server.ws_url))
            reply = await welcome(socket, fields[name] | proof(before[name], heard[name]))
            return bool(reply["session"]["resumed"])

        monkeypatch.setattr(rooms, "find", find_late)
        first = asyncio.create_task(come_back("a"))
        await restoring.wait()
        assert list(await asyncio.gather(first, come_back("b"), come_back("c"))) == [True, True, True]


async def all_of(socket: ClientConnection) -> list[str | bytes]:
    """What comes until the connection is closed."""
    messages: list[str | bytes] = []
    while True:
        try:
            messages.append(await socket.recv())
        except websockets.ConnectionClosedError:
            return messages

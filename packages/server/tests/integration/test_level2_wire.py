"""Level 2 over real sockets: cuts, restarts, slow readers, and a large room."""

import json
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from heliograph_protocol import CloseCode

from .running import RunningServer, ask, closed_with, hear, running
from .test_serving import registration, serving, sign_in_and_make_a_room
from .test_wire import eventually


async def welcome(socket: ClientConnection, fields: dict[str, Any]) -> dict[str, Any]:
    reply = await ask(socket, fields | {"protocol": 2})
    assert reply["type"] == "registered_auth", reply
    return reply


def proof(reply: dict[str, Any], received: int) -> dict[str, Any]:
    session = reply["session"]
    return {"resume": {"session_id": session["session_id"], "secret": session["secret"], "received": received}}


async def test_a_cut_connection_is_resumed_with_what_it_missed(server: RunningServer) -> None:
    room, user = await server.room(), await server.sign_in()
    fields = server.registration("p", room, user)
    async with server.peer("s", room) as sender:
        async with websockets.connect(server.ws_url) as first:
            before = await welcome(first, fields)
            await sender.send('{"type":"peer_message","to_peer_id":"p","payload":1}')
            assert (await hear(first))["payload"] == 1
            first.transport.abort()
        await eventually(lambda: server.application.hub.peers(room[0])[1].state == "away")
        for payload in (2, 3):
            await sender.send(json.dumps({"type": "peer_message", "to_peer_id": "p", "payload": payload}))
        assert (await ask(sender, {"type": "ping"}))["type"] == "pong"
        async with websockets.connect(server.other_ws_url + "/ws") as second:
            after = await welcome(second, fields | proof(before, 1))
            assert after["session"]["resumed"]
            assert [(await hear(second))["payload"] for _ in range(2)] == [2, 3]
            assert (await ask(second, {"type": "ping"}))["type"] == "pong"


async def test_the_sender_to_a_slow_reader_is_told_when_it_is_too_much_and_the_rest_arrives(
    server: RunningServer,
) -> None:
    room, user = await server.room(), await server.sign_in()
    fields = server.registration("slow", room, user)
    async with server.peer("s", room, protocol=2) as sender:
        async with websockets.connect(server.ws_url) as slow:
            before = await welcome(slow, fields)
            assert (await hear(sender))["type"] == "peer_joined"
            await slow.send('{"type":"received","count":0}')
            assert (await ask(slow, {"type": "ping"}))["type"] == "pong"
            slow.transport.pause_reading()
            answers = []
            for number in range(150):
                message = {"type": "peer_message", "to_peer_id": "slow", "payload": [number, "x" * 30_000]}
                answers.append(await ask(sender, message | {"ref": number}))
                if answers[-1]["type"] == "error":
                    break
            assert answers.pop()["code"] == "PEER_AWAY_BUFFER_FULL"
            statuses = [answer["status"] for answer in answers]
            assert statuses == sorted(statuses, key=["delivered", "buffered"].index)
            assert set(statuses) == {"delivered", "buffered"}
            slow.transport.abort()
        assert (await hear(sender))["type"] == "peer_away"
        async with websockets.connect(server.ws_url) as again:
            after = await welcome(again, fields | proof(before, 1))
            assert after["session"]["resumed"]
            for number in range(len(answers)):
                assert (await hear(again))["payload"][0] == number
                await again.send(json.dumps({"type": "received", "count": 2 + number}))


async def test_sigterm_announces_the_drain_before_it_closes(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.http) as http:
            id_token, room = await sign_in_and_make_a_room(http)
        async with websockets.connect(server.ws) as new, websockets.connect(server.ws) as old:
            await welcome(new, registration("new", id_token, room))
            await ask(old, registration("old", id_token, room))
            await hear(new)
            server.process.send_signal(signal.SIGTERM)
            assert (await hear(new))["type"] == "server_draining"
            assert await closed_with(new) == CloseCode.RESTARTING
            assert await closed_with(old) == CloseCode.RESTARTING


async def test_after_kill_9_a_resume_is_a_fresh_registration(tmp_path: Path) -> None:
    async with serving(tmp_path) as first:
        async with httpx.AsyncClient(base_url=first.http) as http:
            id_token, room = await sign_in_and_make_a_room(http)
        async with websockets.connect(first.ws) as socket:
            before = await welcome(socket, registration("p", id_token, room))
            first.process.kill()
            await first.process.wait()
    async with serving(tmp_path) as second, websockets.connect(second.ws) as socket:
        after = await welcome(socket, registration("p", id_token, room) | proof(before, 0))
        assert after["session"]["resumed"] is False
        assert after["peers"] == []


async def test_three_hundred_peers_see_each_other_come(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        room, user = await server.room(), await server.sign_in()
        count = 300
        async with AsyncExitStack() as stack:
            sockets = []
            for number in range(count):
                socket = await stack.enter_async_context(websockets.connect(server.ws_url))
                reply = await welcome(socket, server.registration(f"p{number}", room, user))
                assert len(reply["peers"]) == number
                sockets.append(socket)
            for number, socket in enumerate(sockets):
                for later in range(number + 1, count):
                    news = await hear(socket)
                    assert (news["type"], news["peer"]["peer_id"]) == ("peer_joined", f"p{later}")

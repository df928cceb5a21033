"""Over real sockets: both ports and paths, hostile frames, closes, and what they leave behind."""

import asyncio
import json
import socket as sockets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.frames import Opcode

from heliograph_protocol import CloseCode
from heliograph_server.signaling import session
from heliograph_server.transport.connection import MESSAGE_BYTES, OUTGOING_BYTES

from .running import RunningServer, ask, closed_with, hear, running

PING = json.dumps({"type": "ping"})


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so; the test's own time limit ends a wait in vain."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the server's state has no event to wait for
            await asyncio.sleep(0.01)


async def test_both_ports_serve_both_paths_and_http(server: RunningServer) -> None:
    room = await server.room()
    names = []
    for number, base in enumerate((server.ws_url, server.other_ws_url)):
        for path in ("/", "/ws"):
            async with websockets.connect(base + path) as socket:
                name = f"peer-{number}{path.replace('/', '-')}"
                reply = await ask(socket, server.registration(name, room, await server.sign_in()))
                names.append(reply["peer_id"])
    assert len(set(names)) == 4
    async with httpx.AsyncClient() as http:
        for base in (server.http_url, server.other_http_url):
            assert (await http.get(f"{base}/health")).json()["status"] == "ok"


async def test_an_offer_an_answer_and_candidates_arrive_verbatim_and_in_order(server: RunningServer) -> None:
    room = await server.room()
    async with server.peer("a", room) as ann, server.peer("b", room) as bob:
        frames = [
            json.dumps({"type": kind, "sender": "a", "target": "b", "n": n, "text": "ü\r\n"})
            for n in range(50)
            for kind in ("offer", "candidate")
        ]
        for frame in frames:
            await ann.send(frame)
        assert [await bob.recv() for _ in frames] == frames


async def test_fragments_are_joined_and_control_frames_between_them_answered(server: RunningServer) -> None:
    async with server.peer("a", await server.room()) as socket:
        await socket.send(part for part in ['{"type":', '"pi', "ng", '"}'])
        assert (await hear(socket))["type"] == "pong"
        socket.protocol.send_text(b'{"type":', fin=False)
        socket.protocol.send_ping(b"between")
        socket.protocol.send_continuation(b'"ping"}', fin=True)
        for data in socket.protocol.data_to_send():
            socket.transport.write(data)
        assert (await hear(socket))["type"] == "pong"


@pytest.mark.parametrize("parts", [1, 8])
async def test_an_oversized_message_closes_with_1009(server: RunningServer, parts: int) -> None:
    message = json.dumps({"type": "ping", "x": "y" * (MESSAGE_BYTES + 1)})
    size = len(message) // parts + 1
    async with server.peer("a", await server.room()) as socket:
        await socket.send(message[at : at + size] for at in range(0, len(message), size))
        assert await closed_with(socket) == CloseCode.MESSAGE_TOO_BIG
    await eventually(lambda: not list(server.application.hub))


async def test_the_largest_message_passes(server: RunningServer) -> None:
    head, tail = '{"type":"offer","sender":"a","target":"b","sdp":"', '"}'
    frame = head + "x" * (MESSAGE_BYTES - len(head) - len(tail)) + tail
    room = await server.room()
    async with server.peer("a", room) as ann, server.peer("b", room) as bob:
        await ann.send(frame)
        assert await bob.recv() == frame


async def test_invalid_utf8_closes_with_1007(server: RunningServer) -> None:
    async with server.peer("a", await server.room()) as socket:
        await socket.send(b'{"type":"ping","x":"\xff\xfe"}', text=True)
        assert await closed_with(socket) == CloseCode.INVALID_UTF8


async def test_a_binary_frame_closes_with_4000(server: RunningServer) -> None:
    async with server.peer("a", await server.room()) as socket:
        await socket.send(PING.encode())
        assert await closed_with(socket) == CloseCode.NOT_THE_PROTOCOL


async def test_a_reserved_opcode_closes_and_nobody_else_notices(server: RunningServer) -> None:
    room = await server.room()
    async with server.peer("a", room) as hostile, server.peer("b", room) as other:
        hostile.transport.write(bytes([0x80 | 0x3, 0x80, 0, 0, 0, 0]))
        assert await closed_with(hostile) == 1002
        assert await ask(other, {"type": "query"}) == {"type": "available_peers", "peers": ["b"]}


async def test_who_does_not_register_in_time_is_closed(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "REGISTER_TIMEOUT_S", 0.1)
    async with websockets.connect(server.ws_url) as socket:
        assert await closed_with(socket) == CloseCode.NOT_THE_PROTOCOL


async def test_five_refusals_close(server: RunningServer) -> None:
    async with websockets.connect(server.ws_url) as socket:
        wrong = server.registration("a", ("abcdefgh", "no"), await server.sign_in())
        codes = [(await ask(socket, wrong))["code"] for _ in range(5)]
        assert codes == ["ROOM_NOT_FOUND"] * 5
        assert await closed_with(socket) == CloseCode.OVER_LIMIT


@pytest.mark.parametrize("end", ["abort", "close"])
async def test_a_lost_connection_leaves_its_room_and_its_id(server: RunningServer, end: str) -> None:
    room = await server.room()
    async with server.peer("a", room) as gone, server.peer("b", room) as stays:
        if end == "abort":
            gone.transport.abort()
        else:
            await gone.close()
        await eventually(lambda: server.application.hub.member(room[0], "a") is None)
        async with server.peer("a", room):
            assert await ask(stays, {"type": "query"}) == {"type": "available_peers", "peers": ["b", "a"]}


async def test_a_takeover_closes_the_older_socket_and_the_newer_one_stays(server: RunningServer) -> None:
    room, user = await server.room(), await server.sign_in()
    async with server.peer("a", room, user) as old, server.peer("a", room, user) as new, server.peer("b", room) as bob:
        assert await closed_with(old) == CloseCode.REPLACED
        await bob.send('{"type":"offer","target":"a","sdp":"v=0"}')
        assert (await hear(new))["sender"] == "b"


async def test_a_stranger_cannot_evict_anyone(server: RunningServer) -> None:
    room = await server.room()
    async with server.peer("a", room) as ann:
        async with websockets.connect(server.ws_url) as stranger:
            taken = await ask(stranger, server.registration("a", room, await server.sign_in()))
            assert (taken["code"], taken["reason"]) == ("PEER_ID_TAKEN", "Peer ID taken")
        assert await ask(ann, {"type": "query"}) == {"type": "available_peers", "peers": ["a"]}


@pytest.mark.parametrize("transport", ["picows", "asgi"])
async def test_a_peer_that_does_not_read_is_closed_and_the_others_go_on(tmp_path: Path, transport: str) -> None:
    message = json.dumps({"type": "offer", "target": "slow", "sdp": "x" * 60_000})
    async with running(tmp_path, transport=transport, rate_limit=100_000) as server:
        room = await server.room()
        async with server.peer("fast", room) as fast:
            slow = await _connect_without_reading(server, room)
            try:
                for _ in range(OUTGOING_BYTES // 60_000 * 20):
                    await fast.send(message)
                    answer = await ask(fast, {"type": "ping"})
                    if answer["type"] == "error":
                        break
                assert answer["code"] == "PEER_NOT_FOUND", "the slow peer was never given up"
                await eventually(lambda: server.application.hub.member(room[0], "slow") is None)
            finally:
                slow.close()


async def _connect_without_reading(server: RunningServer, room: tuple[str, str]) -> sockets.socket:
    """A registered peer on a bare TCP socket with a small buffer that is never read again."""
    host, port = server.ws_url.removeprefix("ws://").split(":")
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (host, int(port)))
    handshake = (
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await loop.sock_sendall(raw, handshake.encode())
    await loop.sock_recv(raw, 1024)
    registration = json.dumps(server.registration("slow", room, await server.sign_in())).encode()
    header = bytes([0x80 | Opcode.TEXT, 0x80 | 126]) + len(registration).to_bytes(2, "big") + bytes(4)
    await loop.sock_sendall(raw, header + registration)
    await loop.sock_recv(raw, 1024)
    return raw


async def test_origins_are_refused_before_the_handshake_when_there_is_a_list(tmp_path: Path) -> None:
    async with running(tmp_path, allowed_origins=("https://lab.example",)) as server:
        with pytest.raises(websockets.InvalidStatus) as refusal:
            await websockets.connect(server.ws_url, origin=websockets.Origin("https://evil.example"))
        assert refusal.value.response.status_code == 403
        for origin in ("https://lab.example", server.ws_url.replace("ws://", "http://"), None):
            async with websockets.connect(server.ws_url, origin=websockets.Origin(origin) if origin else None) as ok:
                assert (await ask(ok, {"type": "ping"}))["code"] == "NOT_REGISTERED"


async def test_pages_of_a_listed_origin_may_read_when_they_can_come_again(tmp_path: Path) -> None:
    async with (
        running(tmp_path, allowed_origins=("https://lab.example",), signin_limit=1) as server,
        httpx.AsyncClient(base_url=server.http_url, headers={"Origin": "https://lab.example"}) as page,
    ):
        answers = [await page.post("/anonymous-signin") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert "Retry-After" in answers[1].headers
        assert answers[1].headers["Access-Control-Expose-Headers"] == "Retry-After"


async def test_more_messages_than_the_rate_allows_are_told_and_then_closed(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit=20) as server, server.peer("a", await server.room()) as socket:
        flooding = asyncio.create_task(_flood(socket))
        codes = []
        async with asyncio.timeout(20):
            with suppress(websockets.ConnectionClosed):
                while True:
                    codes.append(json.loads(await socket.recv()).get("code", "pong"))
            await flooding
        assert set(codes) == {"pong", "RATE_LIMITED"}
        assert 4 <= codes.count("RATE_LIMITED") <= 7
        assert socket.close_code == CloseCode.OVER_LIMIT


async def _flood(socket: ClientConnection) -> None:
    """Send five times the rate until the server has enough."""
    with suppress(websockets.ConnectionClosed):
        while True:
            await socket.send(PING)
            await asyncio.sleep(0.01)


async def test_a_silent_peer_is_closed_in_the_protocols_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heliograph_server.transport.uvicorn_options.PING_INTERVAL_S", 0.05)
    monkeypatch.setattr("heliograph_server.transport.uvicorn_options.PONG_TIMEOUT_S", 0.1)
    async with running(tmp_path) as server:
        room = await server.room()
        async with server.peer("answers", room):
            silent = await _connect_without_reading(server, room)
            await eventually(lambda: server.application.hub.member(room[0], "slow") is None)
            received = bytearray()
            while chunk := await asyncio.get_running_loop().sock_recv(silent, 4096):
                received += chunk
            silent.close()
            code = CloseCode.NOT_THE_PROTOCOL.to_bytes(2, "big")
            assert bytes([0x80 | Opcode.CLOSE]) + bytes([len(code) + len(b"silent for too long")]) + code in received
            assert server.application.hub.member(room[0], "answers") is not None

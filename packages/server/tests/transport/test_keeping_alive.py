"""Pings of both sides, and peers that have gone silent."""

from typing import Any

import pytest

from heliograph_protocol import CloseCode

from .serving import Served, eventually, serving
from .wire import PING, PONG, TEXT, Frame, frame

INTERVAL_S, TIMEOUT_S = 0.05, 0.15
SOON: dict[str, Any] = {"ws_ping_interval": INTERVAL_S, "ws_ping_timeout": TIMEOUT_S}


@pytest.mark.parametrize("payload", [b"", b"hello", b"\x00\xff\xfe", b"x" * 125])
async def test_a_ping_is_answered_with_its_own_payload(served: Served, payload: bytes) -> None:
    async with served.peer() as (peer, talk):
        await peer.send(frame(PING, payload))
        assert await peer.receive() == Frame(PONG, payload)
    assert talk.received == []


async def test_many_pings_are_answered_in_order(served: Served) -> None:
    async with served.peer() as (peer, _):
        await peer.send(*(frame(PING, b"%d" % number) for number in range(10)))
        assert [await peer.receive() for _ in range(10)] == [Frame(PONG, b"%d" % number) for number in range(10)]


async def test_a_pong_that_nobody_asked_for_is_ignored(served: Served) -> None:
    async with served.peer() as (peer, _):
        await peer.send(frame(PONG, b"unasked"), frame(PONG), frame(TEXT, b"hello"))
        assert await peer.text() == b"hello"


async def test_a_peer_that_answers_is_kept(transport: str) -> None:
    async with serving(transport, **SOON) as served, served.peer() as (peer, talk):
        for _ in range(5):
            opcode, payload = await peer.receive()
            assert opcode == PING
            await peer.send(frame(PONG, payload))
        await peer.send(frame(TEXT, b"still here"))
        assert await peer.text() == b"still here"
        assert not talk.connection.closed


async def test_a_silent_peer_is_closed_in_the_protocols_words(transport: str) -> None:
    async with serving(transport, **SOON) as served, served.peer() as (peer, talk):
        assert (await peer.receive()).opcode == PING
        assert await peer.closed() == (CloseCode.NOT_THE_PROTOCOL, "silent for too long")
        await talk.ended()
        assert await peer.ended() == b""


async def test_so_is_one_that_does_not_even_read(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("picows_connection", "uvicorn_ws"):
        monkeypatch.setattr(f"heliograph_server.transport.{module}.CLOSE_TIMEOUT_S", 0.05)
    async with serving(transport, **SOON) as served, served.peer() as (peer, talk):
        peer.transport.pause_reading()
        await talk.ended()
        await eventually(lambda: not served.state.connections)

"""What waits for a reader that is slower than what is sent to it: counted, bounded, and handed over in order."""

import asyncio

import pytest

from heliograph_server.transport.connection import OUTGOING_BYTES

from .serving import Served, Talk, eventually
from .wire import TEXT, WAIT_S, Peer, frame

SIZE = 50_000


def message(number: int) -> bytes:
    return b"%06d" % number + b"x" * (SIZE - 6)


async def fill(peer: Peer, talk: Talk, wanted: int) -> int:
    """Send to a peer that does not read until that many bytes wait in the server; how many messages that took."""
    peer.transport.pause_reading()
    for number in range(10_000):
        if talk.connection.buffered >= wanted:
            return number
        assert talk.connection.send(message(number))
        await asyncio.sleep(0)
    raise AssertionError("the network takes it all")


async def test_what_waits_is_counted_bounded_and_too_much_of_it_ends_the_connection(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("asgi", "picows_connection", "uvicorn_ws"):
        monkeypatch.setattr(f"heliograph_server.transport.{module}.CLOSE_TIMEOUT_S", 0.1)
    async with served.peer() as (peer, talk):
        peer.transport.pause_reading()
        number, most = 0, 0
        while talk.connection.send(message(number)):
            number += 1
            most = max(most, talk.connection.buffered)
            await asyncio.sleep(0)
            assert number < 10_000, "the network takes it all"
        assert OUTGOING_BYTES - 2 * SIZE < most <= OUTGOING_BYTES
        assert talk.connection.closed
        await talk.ended()
        await eventually(lambda: not served.state.connections)
        assert talk.connection.buffered == 0


async def test_a_reader_that_catches_up_gets_everything_in_order(served: Served) -> None:
    async with served.peer() as (peer, talk):
        count = await fill(peer, talk, OUTGOING_BYTES // 2)
        peer.transport.resume_reading()
        for number in range(count):
            assert (await peer.text())[:6] == b"%06d" % number
        await eventually(lambda: talk.connection.buffered == 0)
        await peer.send(frame(TEXT, b"and on it goes"))
        assert await peer.text() == b"and on it goes"


async def test_a_drained_connection_says_so_once_to_who_asked_last(served: Served) -> None:
    async with served.peer() as (peer, talk):
        count = await fill(peer, talk, OUTGOING_BYTES // 2)
        told = []
        first, last = asyncio.Event(), asyncio.Event()
        talk.connection.when_drained(first.set)

        def drained() -> None:
            told.append(talk.connection.buffered)
            last.set()

        talk.connection.when_drained(drained)
        await asyncio.sleep(0.01)
        assert not last.is_set()
        peer.transport.resume_reading()
        for _ in range(count):
            await peer.text()
        async with asyncio.timeout(WAIT_S):
            await last.wait()
        assert not first.is_set()
        count = await fill(peer, talk, OUTGOING_BYTES // 4)
        peer.transport.resume_reading()
        for _ in range(count):
            await peer.text()
        await eventually(lambda: talk.connection.buffered == 0)
        assert told == [0]


async def test_one_may_ask_and_send_again_and_again(served: Served) -> None:
    async with served.peer() as (peer, talk):
        sent: list[bytes] = []

        def more() -> None:
            while len(sent) < 200 and talk.connection.buffered < 200_000:
                sent.append(message(len(sent)))
                assert talk.connection.send(sent[-1])
            if len(sent) < 200:
                talk.connection.when_drained(more)

        more()
        for number in range(200):
            assert await peer.text() == message(number)


async def test_who_asks_when_nothing_waits_is_told_soon(served: Served) -> None:
    async with served.peer() as (_, talk):
        told = asyncio.Event()
        talk.connection.when_drained(told.set)
        assert not told.is_set(), "never before it returns"
        async with asyncio.timeout(WAIT_S):
            await told.wait()


async def test_nobody_is_told_once_the_connection_is_over(served: Served) -> None:
    async with served.peer() as (peer, talk):
        await fill(peer, talk, OUTGOING_BYTES // 2)
        told = asyncio.Event()
        talk.connection.when_drained(told.set)
        peer.reset()
        await talk.ended()
        await asyncio.sleep(0.01)
        assert not told.is_set()


async def test_a_slow_reader_does_not_hold_up_the_others(served: Served) -> None:
    async with served.peer() as (slow, talk), served.peer() as (fast, _):
        await fill(slow, talk, OUTGOING_BYTES // 2)
        for number in range(100):
            await fast.send(frame(TEXT, message(number)))
            assert await fast.text() == message(number)
        assert not talk.connection.closed

"""Texts: their lengths, their parts, and what may come between the parts."""

import asyncio

import pytest

from heliograph_server.transport.connection import MESSAGE_BYTES

from .serving import Served, Talk, serving
from .wire import CONTINUATION, PING, PONG, TEXT, Frame, frame

SIZES = [0, 1, 125, 126, 127, 128, 8192, 65535, MESSAGE_BYTES]


@pytest.mark.parametrize("size", SIZES)
async def test_a_text_of_any_length_passes_both_ways(served: Served, size: int) -> None:
    message = bytes(b"abcdefghij" * (size // 10 + 1))[:size]
    async with served.peer() as (peer, talk):
        await peer.send(frame(TEXT, message, mask=b"\xa5\x5a\x0f\xf0"))
        assert await peer.text() == message
    assert talk.received == [message]


async def test_what_the_server_sends_may_be_longer_than_what_it_takes(served: Served) -> None:
    async with served.peer() as (peer, talk):
        message = b"x" * (3 * MESSAGE_BYTES)
        assert talk.connection.send(message)
        assert await peer.text() == message


async def test_many_frames_in_one_segment_keep_their_order(served: Served) -> None:
    messages = [b"%d" % number for number in range(500)]
    async with served.peer() as (peer, talk):
        await peer.send(*(frame(TEXT, message) for message in messages))
        assert [await peer.text() for _ in messages] == messages
    assert talk.received == messages


async def test_a_frame_may_arrive_byte_by_byte(served: Served) -> None:
    async with served.peer() as (peer, _):
        for byte in frame(TEXT, "für".encode()) + frame(TEXT, b"b" * 130):
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)
        assert [await peer.text(), await peer.text()] == ["für".encode(), b"b" * 130]


@pytest.mark.parametrize(
    "parts",
    [
        [b"one", b"two"],
        [b"one", b"two", b"three"],
        [b"", b"", b""],
        [b"", b"late"],
        [b"early", b""],
        [bytes([letter]) for letter in b"letter by letter"],
        ["ü".encode()[:1], "ü".encode()[1:]],
        ["😀".encode()[:1], "😀".encode()[1:3], "😀".encode()[3:]],
        [b"x" * 8192] * 8,
    ],
    ids=["two", "three", "empty", "empty first", "empty last", "letters", "in a letter", "in an emoji", "the largest"],
)
async def test_fragments_are_joined(served: Served, parts: list[bytes]) -> None:
    first, *middle, last = parts
    frames = [frame(TEXT, first, fin=False), *(frame(CONTINUATION, part, fin=False) for part in middle)]
    async with served.peer() as (peer, talk):
        await peer.send(*frames, frame(CONTINUATION, last))
        assert await peer.text() == b"".join(parts)
        for each in [*frames, frame(CONTINUATION, last)]:
            await peer.send(each)
            await asyncio.sleep(0)
        assert await peer.text() == b"".join(parts)
    assert talk.received == [b"".join(parts)] * 2


@pytest.mark.parametrize("at_once", [True, False])
async def test_control_frames_between_fragments_are_answered_before_the_message(served: Served, at_once: bool) -> None:
    frames = [
        frame(TEXT, b"one, ", fin=False),
        frame(PING, b"first"),
        frame(CONTINUATION, b"two, ", fin=False),
        frame(PONG, b"nobody asked"),
        frame(PING, b"second"),
        frame(CONTINUATION, b"three"),
    ]
    async with served.peer() as (peer, _):
        if at_once:
            await peer.send(*frames)
        for each in [] if at_once else frames:
            await peer.send(each)
            await asyncio.sleep(0.001)
        assert await peer.receive() == Frame(PONG, b"first")
        assert await peer.receive() == Frame(PONG, b"second")
        assert await peer.text() == b"one, two, three"


@pytest.mark.parametrize("message", ["für", "日本語", "😀", "\ufeffa", "\x00\x7f\x80", "\U0010ffff"])
async def test_any_unicode_passes(served: Served, message: str) -> None:
    async with served.peer() as (peer, talk):
        await peer.send(frame(TEXT, message.encode()))
        assert (await peer.text()).decode() == message
    assert talk.received == [message.encode()]


async def test_a_message_waits_until_the_one_before_is_done(served: Served) -> None:
    async with served.peer() as (peer, talk):
        done = asyncio.Event()
        first_is_in = asyncio.Event()

        async def slowly(frame: bytes) -> None:
            first_is_in.set()
            await done.wait()
            talk.connection.send(b"done with " + frame)
            talk.answer = talk._echo

        talk.answer = slowly
        await peer.send(frame(TEXT, b"one"), frame(TEXT, b"two"))
        await peer.send(frame(TEXT, b"three"))
        await first_is_in.wait()
        assert talk.received == [b"one"]
        done.set()
        assert [await peer.text() for _ in range(3)] == [b"done with one", b"two", b"three"]


async def test_one_awaited_message_after_the_other(served: Served) -> None:
    async with served.peer() as (peer, talk):

        async def at_leisure(frame: bytes) -> None:
            await asyncio.sleep(0)
            talk.connection.send(frame)

        talk.answer = at_leisure
        messages = [b"%d" % number for number in range(50)]
        await peer.send(*(frame(TEXT, message) for message in messages))
        assert [await peer.text() for _ in messages] == messages


async def test_peers_do_not_get_into_each_others_way(transport: str) -> None:
    async with serving(transport) as served, served.peer() as (ann, _), served.peer() as (bob, other):
        await ann.send(frame(TEXT, b"half", fin=False))
        await bob.send(frame(TEXT, b"whole"))
        assert await bob.text() == b"whole"
        await ann.send(frame(CONTINUATION, b" and half"))
        assert await ann.text() == b"half and half"
    assert isinstance(other, Talk)

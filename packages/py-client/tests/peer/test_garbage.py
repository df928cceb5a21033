"""What a peer sends that no program of ours would: it loses the channel that it sent it on, and nothing else."""

import asyncio

import pytest

import heliograph
from heliograph.peer.transport import RtcTransport
from heliograph.testing import pair

pytestmark = pytest.mark.usefixtures("nothing_is_left_running")

LIMIT_S = 10
TEXT, OPEN = 51, 50
"""The payload protocol identifiers of a text and of the messages that open channels (RFC 8831 section 8)."""
DEEP = "[" * 50_000


async def still_works(near: heliograph.Connection, far: heliograph.Connection) -> None:
    async with asyncio.timeout(LIMIT_S):
        await near.channel("chat").send("still there?")
        assert await far.channel("chat").receive() == "still there?"
    assert (near.state, far.state) == ("connected", "connected")


async def send_raw(rtc: RtcTransport, stream: int, kind: int, data: bytes) -> None:
    await rtc._sctp._send(stream, kind, data)


async def test_nonsense_among_the_pings() -> None:
    async with pair() as (near, far):
        liveness = near.link.attempt.liveness
        assert liveness is not None
        for nonsense in ("", "nonsense", b"\xff", DEEP, f'{{"type":"ping","count":1,"more":{DEEP}', '{"type":"ping"}'):
            liveness.send(nonsense)
        await still_works(near, far)


async def test_a_text_that_is_none_closes_its_channel() -> None:
    async with pair() as (near, far), asyncio.timeout(LIMIT_S):
        data = near.channel("data")
        await data.send("first")
        while (other := await far.accept_channel()).label != "data":
            pass
        assert await other.receive() == "first"
        stream = data._rtc.id
        assert stream is not None
        await send_raw(near._rtc, stream, TEXT, b"\xff\xfe")
        assert [message async for message in other] == []
        assert [message async for message in data] == []
        await still_works(near, far)


@pytest.mark.parametrize(
    "message",
    [
        b"\x03\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\xff\xff\xff\xff",
        b"\x03" + bytes(11),
        b"\x03\x00",
        b"\x09",
        b"",
    ],
    ids=["a label that is no text", "without a label", "cut off", "no such type", "nothing"],
)
async def test_what_opens_no_channel(message: bytes) -> None:
    async with pair() as (near, far):
        await send_raw(near._rtc, 40, OPEN, message)
        await send_raw(near._rtc, 40, OPEN, message)
        await still_works(near, far)

"""Peers that break RFC 6455: each is told how, and gone, and nobody else notices."""

from contextlib import suppress

import pytest

from heliograph_protocol import CloseCode
from heliograph_server.transport.connection import MESSAGE_BYTES

from .serving import Served
from .wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame

HALF = MESSAGE_BYTES // 2 + 1


def declared(size: int) -> bytes:
    """The head of a text that is said to be that long."""
    return bytes([0x81, 0xFF]) + size.to_bytes(8, "big") + bytes(4)


async def refused(served: Served, data: bytes) -> int:
    """Send something wrong in place of a message; the code that the connection is closed with."""
    async with served.peer() as (peer, talk), served.peer() as (other, _):
        await peer.send(data)
        code, reason = await peer.closed()
        assert len(reason.encode()) <= 123
        with suppress(ConnectionError):  # after a violation it need not wait for the answer
            await peer.send(close_frame(code))
        await talk.ended()
        assert talk.received == []
        assert await peer.ended() == b""
        await other.send(frame(TEXT, b"not me"))
        assert await other.text() == b"not me"
    return code


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(frame(TEXT, b"x", mask=None), id="no mask"),
        pytest.param(frame(PING, b"x", mask=None), id="ping without a mask"),
        *(pytest.param(frame(TEXT, b"x", rsv=rsv), id=f"reserved bits {rsv:03b}") for rsv in range(1, 8)),
        pytest.param(frame(PING, b"x", rsv=4), id="reserved bit of a ping"),
        pytest.param(frame(PONG, b"x", rsv=2), id="reserved bit of a pong"),
        pytest.param(frame(CLOSE, b"\3\xe8", rsv=1), id="reserved bit of a close"),
        *(pytest.param(frame(opcode), id=f"opcode {opcode}") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
        *(pytest.param(frame(opcode, b"x"), id=f"opcode {opcode} with a payload") for opcode in (3, 15)),
        pytest.param(frame(PING, b"x", fin=False), id="ping in parts"),
        pytest.param(frame(PONG, b"x", fin=False), id="pong in parts"),
        pytest.param(frame(CLOSE, b"\3\xe8", fin=False), id="close in parts"),
        pytest.param(frame(PING, b"x" * 126), id="long ping"),
        pytest.param(frame(PONG, b"x" * 126), id="long pong"),
        pytest.param(close_frame(1000, b"x" * 124), id="long close"),
        pytest.param(frame(CONTINUATION, b"x"), id="a last part of nothing"),
        pytest.param(frame(CONTINUATION, b"x", fin=False), id="a part of nothing"),
        pytest.param(frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), id="a text within a text"),
        pytest.param(frame(TEXT, b"x", fin=False) + frame(TEXT, b"y", fin=False), id="two beginnings"),
        pytest.param(frame(TEXT, b"x", fin=False) + frame(BINARY, b"y"), id="a binary within a text"),
        pytest.param(frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"y", rsv=4), id="reserved bit of a part"),
        pytest.param(frame(CLOSE, b"\3"), id="half a close code"),
        *(
            pytest.param(close_frame(code), id=f"close code {code}")
            for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
        ),
    ],
)
async def test_a_violation_closes_with_1002(served: Served, data: bytes) -> None:
    assert await refused(served, data) == 1002


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"\xff", id="no UTF-8 at all"),
        pytest.param(b"fine until \xc3", id="cut off at the end"),
        pytest.param(b"\xc0\xaf", id="overlong"),
        pytest.param(b"\xed\xa0\x80", id="a surrogate"),
        pytest.param(b"\xf4\x90\x80\x80", id="past the last code point"),
        pytest.param(b"\x80", id="a stray continuation byte"),
    ],
)
async def test_what_is_not_utf_8_closes_with_1007(served: Served, payload: bytes) -> None:
    assert await refused(served, frame(TEXT, payload)) == CloseCode.INVALID_UTF8
    parts = frame(TEXT, payload[:1], fin=False) + frame(CONTINUATION, payload[1:])
    assert await refused(served, parts) == CloseCode.INVALID_UTF8


async def test_a_close_reason_is_utf_8_too(served: Served) -> None:
    assert await refused(served, close_frame(1000, b"\xff\xfe")) == CloseCode.INVALID_UTF8


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(frame(TEXT, b"x" * (MESSAGE_BYTES + 1)), id="one frame"),
        pytest.param(frame(TEXT, b"x" * HALF, fin=False) + frame(CONTINUATION, b"x" * HALF), id="two parts"),
        pytest.param(
            frame(TEXT, b"x" * HALF, fin=False) + frame(CONTINUATION, b"x" * HALF, fin=False), id="not done yet"
        ),
        pytest.param(
            frame(TEXT, b"x" * 1024, fin=False) + frame(CONTINUATION, b"x" * 1024, fin=False) * 80, id="many parts"
        ),
        pytest.param(frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"x" * MESSAGE_BYTES), id="a large part"),
        pytest.param(declared(MESSAGE_BYTES + 1), id="a frame's head"),
        pytest.param(declared(1 << 40), id="a terabyte"),
        pytest.param(declared((1 << 63) - 1), id="the longest of all"),
        pytest.param(frame(BINARY, b"x" * (MESSAGE_BYTES + 1)), id="binary"),
    ],
)
async def test_what_is_too_long_closes_with_1009(served: Served, data: bytes) -> None:
    assert await refused(served, data) == CloseCode.MESSAGE_TOO_BIG


async def test_a_flood_of_what_is_too_long_is_not_kept(served: Served) -> None:
    async with served.peer() as (peer, talk):
        head = declared(1 << 30)
        peer.writer.write(head + b"x" * (8 << 20))
        code, _ = await peer.closed()
        assert code == CloseCode.MESSAGE_TOO_BIG
        await talk.ended()
        assert talk.received == []


@pytest.mark.parametrize("data", [frame(BINARY, b"x"), frame(BINARY, b"x", fin=False) + frame(CONTINUATION, b"y")])
async def test_a_binary_message_closes_with_4000(served: Served, data: bytes) -> None:
    assert await refused(served, data) == CloseCode.NOT_THE_PROTOCOL


async def test_a_mistake_of_the_application_closes_with_1011_and_leaves_the_others(served: Served) -> None:
    async with served.peer() as (peer, talk), served.peer() as (other, _):

        def fail(_: bytes) -> None:
            raise ZeroDivisionError("a mistake")

        talk.answer = fail
        await peer.send(frame(TEXT, b"one"), frame(TEXT, b"two"))
        assert await peer.closed() == (1011, "")
        await talk.ended()
        assert talk.received == [b"one"]
        await other.send(frame(TEXT, b"not me"))
        assert await other.text() == b"not me"


async def test_so_does_one_in_what_is_awaited(served: Served) -> None:
    async with served.peer() as (peer, talk):

        async def fail(_: bytes) -> None:
            raise ZeroDivisionError("a mistake")

        talk.answer = fail
        await peer.send(frame(TEXT, b"one"), frame(TEXT, b"two"))
        assert await peer.closed() == (1011, "")
        await talk.ended()
        assert talk.received == [b"one"]

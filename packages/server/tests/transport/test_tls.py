"""The same over TLS, where bytes take another way through the event loop."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from authority import Authority

from heliograph_protocol import CloseCode
from heliograph_server.transport.connection import MESSAGE_BYTES

from . import test_backpressure, test_closing, test_drain
from .serving import Served, serving
from .wire import CONTINUATION, PING, PONG, TEXT, Frame, close_frame, frame


@pytest.fixture
async def served(transport: str, tmp_path: Path) -> AsyncIterator[Served]:
    """The small application, served over TLS."""
    authority = Authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.keep_in(tmp_path))
    async with serving(transport, tls=context, trust=authority.trusting()) as served:
        yield served


@pytest.mark.parametrize("size", [0, 125, 126, 8192, 8193, MESSAGE_BYTES])
async def test_texts_pass_both_ways(served: Served, size: int) -> None:
    async with served.peer() as (peer, _):
        await peer.send(frame(TEXT, b"x" * size))
        assert await peer.text() == b"x" * size


async def test_fragments_and_what_is_between_them(served: Served) -> None:
    async with served.peer() as (peer, _):
        await peer.send(frame(TEXT, b"one ", fin=False), frame(PING, b"?"), frame(CONTINUATION, b"two"))
        assert await peer.receive() == Frame(PONG, b"?")
        assert await peer.text() == b"one two"


async def test_many_messages_keep_their_order(served: Served) -> None:
    messages = [b"%d" % number * (number % 300) for number in range(500)]
    async with served.peer() as (peer, _):
        await peer.send(*(frame(TEXT, message) for message in messages))
        assert [await peer.text() for _ in messages] == messages


async def test_a_violation_is_told(served: Served) -> None:
    async with served.peer() as (peer, talk):
        await peer.send(frame(TEXT, b"x" * (MESSAGE_BYTES + 1)))
        assert (await peer.closed())[0] == CloseCode.MESSAGE_TOO_BIG
        await talk.ended()


async def test_a_close_is_answered(served: Served) -> None:
    async with served.peer() as (peer, talk):
        await peer.send(close_frame(1000))
        assert (await peer.closed())[0] == 1000
        await peer.ended()
        await test_closing.gone(served, talk)


for _module, _names in (
    (
        test_closing,
        (
            "test_the_server_sends_what_waits_before_it_closes",
            "test_a_peer_that_does_not_answer_a_close_is_cut_off",
            "test_so_is_one_that_does_not_read_either",
            "test_a_reset_is_an_end",
            "test_an_end_while_much_waits_for_the_peer",
        ),
    ),
    (
        test_backpressure,
        (
            "test_what_waits_is_counted_bounded_and_too_much_of_it_ends_the_connection",
            "test_a_reader_that_catches_up_gets_everything_in_order",
            "test_a_drained_connection_says_so_once_to_who_asked_last",
            "test_one_may_ask_and_send_again_and_again",
        ),
    ),
    (test_drain, ("test_everyone_is_told_and_leaves",)),
):
    for _name in _names:
        globals()[_name] = getattr(_module, _name)
soon = test_closing.soon

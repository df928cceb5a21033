"""uvicorn's drain: everyone is told 1012, and nobody can put the end off."""

import asyncio
from contextlib import suppress

from heliograph_protocol import CloseCode

from .serving import Served, eventually
from .wire import TEXT, close_frame, frame


def drain(served: Served) -> None:
    """What uvicorn does with its connections when it ends."""
    for connection in list(served.state.connections):
        connection.shutdown()


async def test_everyone_is_told_and_leaves(served: Served) -> None:
    async with served.peer() as (ann, first), served.peer() as (bob, second):
        await ann.send(frame(TEXT, b"half", fin=False))
        drain(served)
        for peer, talk in ((ann, first), (bob, second)):
            assert (await peer.closed())[0] == CloseCode.RESTARTING
            with suppress(ConnectionError):  # it need not wait for the answer
                await peer.send(close_frame(CloseCode.RESTARTING))
            assert await peer.ended() == b""
            await talk.ended()
        await eventually(lambda: not served.state.connections and not served.state.tasks)


async def test_what_was_sent_before_arrives(served: Served) -> None:
    async with served.peer() as (peer, talk):
        talk.connection.send(b"the last words")
        await eventually(lambda: talk.connection.buffered == 0)
        drain(served)
        assert await peer.text() == b"the last words"
        assert (await peer.closed())[0] == CloseCode.RESTARTING


async def test_a_connection_that_is_closing_already_is_left_to_it(served: Served) -> None:
    async with served.peer() as (peer, talk):
        talk.connection.close(4003, "removed")
        await asyncio.sleep(0.01)
        drain(served)
        assert await peer.closed() == (4003, "removed")
        await talk.ended()


async def test_one_that_has_not_been_let_in_yet_is_turned_away(served: Served) -> None:
    async with served.tcp() as peer:
        peer.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        await eventually(lambda: bool(served.state.connections))
        drain(served)
        assert await peer.ended() == b""
    assert served.talks == []

"""The closing handshake (RFC 6455 section 7), begun by either side, finished or not."""

import asyncio

import pytest

from heliograph_protocol import CloseCode

from .serving import Served, Talk, eventually
from .wire import CLOSE, CONTINUATION, PING, TEXT, Frame, close_frame, frame

SHORT_S = 0.1


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closes that are not answered end soon."""
    for module in ("asgi", "picows_connection", "uvicorn_ws"):
        monkeypatch.setattr(f"heliograph_server.transport.{module}.CLOSE_TIMEOUT_S", SHORT_S)


async def gone(served: Served, talk: Talk) -> None:
    """Nothing is left of the connection."""
    await talk.ended()
    await eventually(lambda: not served.state.connections and not served.state.tasks)
    assert talk.connection.closed
    assert not talk.connection.send(b"too late")
    talk.connection.close(1000, "again")


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
async def test_a_close_is_answered_with_its_own_code_and_the_server_hangs_up(served: Served, code: int) -> None:
    async with served.peer() as (peer, talk):
        await peer.send(close_frame(code, "bye für now".encode()))
        assert (await peer.closed())[0] == code
        assert await peer.ended() == b""
        await gone(served, talk)
        assert talk.connection.ending == ("peer", code)


async def test_who_ended_it_is_known(served: Served) -> None:
    async with served.peer() as (peer, talk):
        assert talk.connection.ending is None
        talk.connection.close(CloseCode.REMOVED, "out")
        await peer.send(close_frame(1000))
        await gone(served, talk)
        assert talk.connection.ending == ("server", CloseCode.REMOVED)


async def test_a_connection_that_just_stops_has_no_code(served: Served) -> None:
    async with served.peer() as (peer, talk):
        peer.reset()
        await gone(served, talk)
        assert talk.connection.ending == ("network", None)


async def test_a_close_without_a_code_is_answered(served: Served) -> None:
    async with served.peer() as (peer, talk):
        await peer.send(frame(CLOSE))
        assert (await peer.receive()) in {Frame(CLOSE, b""), Frame(CLOSE, b"\x03\xe8")}
        assert await peer.ended() == b""
        await gone(served, talk)


async def test_nothing_counts_after_a_close(served: Served) -> None:
    async with served.peer() as (peer, talk):
        await peer.send(close_frame(1000), frame(TEXT, b"more"), frame(PING), close_frame(1000), frame(3))
        assert (await peer.closed())[0] == 1000
        assert await peer.ended() == b""
        await gone(served, talk)
        assert talk.received == []


async def test_a_close_within_a_fragmented_message(served: Served) -> None:
    async with served.peer() as (peer, talk):
        await peer.send(frame(TEXT, b"half", fin=False), close_frame(1001), frame(CONTINUATION, b"half"))
        assert (await peer.closed())[0] in {1001, 1002}, "the RFC does not say that this is wrong, and some say it is"
        await gone(served, talk)
        assert talk.received == []


async def test_the_server_sends_what_waits_before_it_closes(served: Served) -> None:
    async with served.peer() as (peer, talk):
        for number in range(10):
            assert talk.connection.send(b"%d" % number)
        talk.connection.close(CloseCode.REMOVED, "für immer")
        assert talk.connection.closed
        assert not talk.connection.send(b"too late")
        assert [await peer.text() for _ in range(10)] == [b"%d" % number for number in range(10)]
        assert await peer.closed() == (CloseCode.REMOVED, "für immer")
        await peer.send(close_frame(CloseCode.REMOVED))
        assert await peer.ended() == b""
        await gone(served, talk)


async def test_a_longest_reason_passes(served: Served) -> None:
    async with served.peer() as (peer, talk):
        talk.connection.close(4000, "x" * 123)
        assert await peer.closed() == (4000, "x" * 123)


async def test_the_first_close_counts(served: Served) -> None:
    async with served.peer() as (peer, talk):
        talk.connection.close(4001, "first")
        talk.connection.close(4002, "second")
        assert await peer.closed() == (4001, "first")
        await peer.send(close_frame(4001))
        assert await peer.ended() == b""
        await gone(served, talk)


async def test_what_comes_after_our_close_is_not_heard(served: Served) -> None:
    async with served.peer() as (peer, talk):
        talk.connection.close(4000, "enough")
        await peer.send(frame(TEXT, b"but"), frame(TEXT, b"wait", fin=False), frame(CONTINUATION, b"!"))
        assert await peer.closed() == (4000, "enough")
        await peer.send(frame(TEXT, b"one more"), close_frame(4000))
        assert await peer.ended() == b""
        await gone(served, talk)
        assert talk.received == []


async def test_a_close_in_answer_to_a_message_ends_the_rest_of_the_segment(served: Served) -> None:
    async with served.peer() as (peer, talk):
        talk.answer = lambda _: talk.connection.close(4000, "enough")
        await peer.send(frame(TEXT, b"one"), frame(TEXT, b"two"), frame(TEXT, b"three"))
        assert await peer.closed() == (4000, "enough")
        await talk.ended()
        assert talk.received == [b"one"]


async def test_both_sides_close_at_once(served: Served) -> None:
    async with served.peer() as (peer, talk):
        peer.writer.write(close_frame(1000))
        talk.connection.close(4000, "")
        assert (await peer.closed())[0] in {1000, 4000}
        assert await peer.ended() == b""
        await gone(served, talk)


@pytest.mark.usefixtures("soon")
async def test_a_peer_that_does_not_answer_a_close_is_cut_off(served: Served) -> None:
    async with served.peer() as (peer, talk):
        talk.connection.close(4000, "enough")
        assert await peer.closed() == (4000, "enough")
        await peer.ended()
        await gone(served, talk)


@pytest.mark.usefixtures("soon")
async def test_so_is_one_that_does_not_read_either(served: Served) -> None:
    async with served.peer() as (peer, talk):
        peer.transport.pause_reading()
        fill(talk)
        talk.connection.close(4000, "enough")
        await gone(served, talk)


@pytest.mark.usefixtures("soon")
async def test_so_is_one_that_closes_and_does_not_read(served: Served) -> None:
    async with served.peer() as (peer, talk):
        peer.transport.pause_reading()
        fill(talk)
        await peer.send(close_frame(1000))
        await gone(served, talk)


@pytest.mark.usefixtures("soon")
async def test_so_is_one_that_breaks_the_rules_and_does_not_read(served: Served) -> None:
    async with served.peer() as (peer, talk):
        peer.transport.pause_reading()
        fill(talk)
        await peer.send(frame(3))
        await gone(served, talk)


def fill(talk: Talk) -> None:
    """Send until something waits in the server."""
    while talk.connection.buffered < 300_000:
        assert talk.connection.send(b"x" * 60_000)


async def test_a_reset_is_an_end(served: Served) -> None:
    async with served.peer() as (peer, talk):
        await peer.send(frame(TEXT, b"one"))
        assert await peer.text() == b"one"
        peer.reset()
        await gone(served, talk)


async def test_a_hung_up_connection_is_an_end(served: Served) -> None:
    async with served.peer() as (peer, talk):
        peer.writer.close()
        await gone(served, talk)


async def test_an_end_in_the_middle_of_a_message(served: Served) -> None:
    async with served.peer() as (peer, talk):
        await peer.send(frame(TEXT, b"half", fin=False), frame(CONTINUATION, b"of the other half")[:-3])
        peer.writer.close()
        await gone(served, talk)
        assert talk.received == []


async def test_an_end_while_much_waits_for_the_peer(served: Served) -> None:
    async with served.peer() as (peer, talk):
        peer.transport.pause_reading()
        fill(talk)
        peer.reset()
        await gone(served, talk)
        assert talk.connection.buffered == 0


@pytest.mark.parametrize("end", ["reset", "close frame", "our own"])
async def test_an_end_while_a_message_is_awaited_comes_after_it(served: Served, end: str) -> None:
    async with served.peer() as (peer, talk):
        waiting, done = asyncio.Event(), asyncio.Event()

        async def slowly(_: bytes) -> None:
            waiting.set()
            await done.wait()
            assert talk.ends == 0

        talk.answer = slowly
        await peer.send(frame(TEXT, b"one"), frame(TEXT, b"two"))
        await waiting.wait()
        if end == "reset":
            peer.reset()
        elif end == "close frame":
            await peer.send(close_frame(1000))
        else:
            talk.connection.close(4000, "enough")
        await asyncio.sleep(SHORT_S / 10)
        done.set()
        talk.answer = lambda _: None
        if end == "close frame":
            assert (await peer.closed())[0] == 1000
        elif end == "our own":
            assert await peer.closed() == (4000, "enough")
            await peer.send(close_frame(4000))
        await gone(served, talk)
        expected = {"reset": [1, 2], "close frame": [2], "our own": [1]}  # what came before the end, or may have
        assert len(talk.received) in expected[end]


async def test_a_closed_connection_can_be_collected(served: Served) -> None:
    import gc
    import weakref

    async with served.peer() as (peer, talk):
        await peer.send(frame(TEXT, b"one"))
        assert await peer.text() == b"one"
        watched = weakref.ref(talk)
        await peer.send(close_frame(1000))
        assert await peer.ended()
        await gone(served, talk)
    served.talks.clear()
    served.openings.clear()
    del talk
    gc.collect()
    assert watched() is None

"""Connections that wait until it is known which process they belong to, and those that go to another one."""

import asyncio
import socket
from asyncio.transports import BaseTransport
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from heliograph_protocol import CloseCode
from heliograph_server.arrivals import accept_arrival
from heliograph_server.cluster.siblings import Siblings
from heliograph_server.transport import vestibule
from heliograph_server.transport.picows import go_on
from heliograph_server.transport.vestibule import SAID_BYTES, HandOver

from .serving import Served, eventually, serving
from .wire import BINARY, PING, PONG, TEXT, Peer, accepted, close_frame, frame

HELLO = frame(TEXT, b"hello")


class Place:
    """Says where peers belong, once it may."""

    def __init__(self) -> None:
        self.hand_over: HandOver | None = None
        self.asked: list[bytes] = []
        self.may_say = asyncio.Event()
        self.may_say.set()

    async def find(self, message: bytes) -> HandOver | None:
        self.asked.append(message)
        await self.may_say.wait()
        return self.hand_over


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
async def served(place: Place) -> AsyncIterator[Served]:
    """A process that looks at what peers say first."""
    async with serving("picows") as served:
        served.find_place = place.find
        yield served


@pytest.fixture
async def elsewhere(place: Place, tmp_path: Path) -> AsyncIterator[Served]:
    """Another process, as far as sockets know, to which all peers belong."""
    async with serving("picows") as other:
        siblings, ours = Siblings(tmp_path), Siblings(tmp_path)

        def arrive(arrived: socket.socket, said: bytes) -> None:
            def begin(transport: BaseTransport) -> None:
                go_on(cast("Any", transport), other.state, other.config, other.converse, said)

            task = asyncio.get_running_loop().create_task(accept_arrival(arrived, begin))
            other.state.tasks.add(task)
            task.add_done_callback(other.state.tasks.discard)

        siblings.open("other", arrive)
        place.hand_over = ours.reach("other")
        assert place.hand_over is not None
        yield other
        siblings.close()
        ours.close()
        assert ours.reach("other") is None


@asynccontextmanager
async def knocking(served: Served, path: str = "/") -> AsyncIterator[Peer]:
    async with served.tcp() as peer:
        assert accepted(await peer.handshake(path=path))
        yield peer


async def test_a_peer_that_belongs_here_stays(served: Served, place: Place) -> None:
    async with knocking(served) as peer:
        await peer.send(HELLO)
        assert await peer.text() == b"hello"
        assert place.asked == [b"hello"]
        await peer.send(frame(TEXT, b"again"), frame(PING, b"?"))
        assert await peer.text() == b"again"
        assert await peer.receive() == (PONG, b"?")
        assert place.asked == [b"hello"]


async def test_the_subprotocol_is_in_the_answer(served: Served) -> None:
    async with served.tcp() as peer:
        head = await peer.handshake("Sec-WebSocket-Protocol: chat", path="/chat")
        assert b"\r\nsec-websocket-protocol: chat\r\n" in head.lower()


async def test_byte_by_byte(served: Served) -> None:
    async with knocking(served) as peer:
        for byte in frame(TEXT, "žluťoučký".encode()):
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await peer.text() == "žluťoučký".encode()


async def test_what_comes_while_it_is_found_out_comes_in_order(served: Served, place: Place) -> None:
    place.may_say.clear()
    async with knocking(served) as peer:
        await peer.send(HELLO, frame(TEXT, b"1"))
        await eventually(lambda: bool(place.asked))
        await peer.send(*(frame(TEXT, str(number).encode()) for number in range(2, 500)))
        place.may_say.set()
        assert await peer.text() == b"hello"
        assert [await peer.text() for _ in range(1, 500)] == [str(number).encode() for number in range(1, 500)]


@pytest.mark.parametrize("said", [frame(PING, b"x"), frame(BINARY, b"x"), frame(TEXT, b"in", fin=False)])
async def test_a_peer_that_begins_otherwise_stays_unasked(served: Served, place: Place, said: bytes) -> None:
    async with knocking(served) as peer:
        await peer.send(said)
        await eventually(lambda: bool(served.talks))
        assert place.asked == []


@pytest.mark.parametrize("data", [frame(TEXT, b"\xff"), frame(TEXT, b"x", rsv=4), b"GET / HTTP/1.1\r\n\r\n"])
async def test_who_breaks_the_rules_is_told_as_ever(served: Served, data: bytes) -> None:
    async with knocking(served) as peer:
        await peer.send(data)
        code, _ = await peer.closed()
        assert code in {1002, 1007}
        assert await peer.ended() == b""


async def test_one_that_says_nothing_is_closed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vestibule, "DECIDE_TIMEOUT_S", 0.05)
    async with knocking(served) as peer:
        assert (await peer.closed())[0] == CloseCode.NOT_THE_PROTOCOL
        await peer.send(close_frame(CloseCode.NOT_THE_PROTOCOL))
        assert await peer.ended() == b""


async def test_one_that_goes_while_it_is_found_out_leaves_nothing(served: Served, place: Place) -> None:
    place.may_say.clear()
    async with knocking(served) as peer:
        await peer.send(HELLO)
        await eventually(lambda: bool(place.asked))
        peer.reset()
    place.may_say.set()
    await eventually(lambda: not served.state.connections and not served.state.tasks)


async def test_one_that_waits_is_told_of_the_end(served: Served) -> None:
    async with knocking(served) as peer:
        await eventually(lambda: bool(served.state.connections))
        for connection in list(served.state.connections):
            connection.shutdown()
        assert (await peer.closed())[0] == CloseCode.RESTARTING


async def test_a_peer_that_belongs_elsewhere_goes_there(served: Served, elsewhere: Served, place: Place) -> None:
    async with knocking(served) as peer:
        await peer.send(HELLO, frame(TEXT, b"and more"), frame(TEXT, b"in one go"))
        assert [await peer.text() for _ in range(3)] == [b"hello", b"and more", b"in one go"]
        assert place.asked == [b"hello"]
        assert served.talks == []
        [talk] = elsewhere.talks
        await eventually(lambda: not served.state.connections and not served.state.tasks)
        await peer.send(frame(TEXT, b"x" * 60_000))
        assert await peer.text() == b"x" * 60_000
        talk.connection.close(4003, "removed")
        assert await peer.closed() == (4003, "removed")
        await peer.send(close_frame(4003))
        assert await peer.ended() == b""
        await talk.ended()


async def test_what_is_half_said_goes_along(served: Served, elsewhere: Served, place: Place) -> None:
    place.may_say.clear()
    half = frame(TEXT, b"half" * 1000)
    async with knocking(served) as peer:
        await peer.send(HELLO, half[:999])
        await eventually(lambda: bool(place.asked))
        place.may_say.set()
        assert await peer.text() == b"hello"
        await peer.send(half[999:])
        assert await peer.text() == b"half" * 1000
        assert len(elsewhere.talks) == 1


async def test_a_peer_that_says_very_much_stays(served: Served, elsewhere: Served, place: Place) -> None:
    async with knocking(served) as peer:
        much = [frame(TEXT, b"x" * 30_000) for _ in range(SAID_BYTES // 30_000 + 1)]
        peer.writer.write(b"".join(much))
        for _ in much:
            assert await peer.text() == b"x" * 30_000
        assert len(served.talks) + len(elsewhere.talks) == 1
        assert place.asked == [b"x" * 30_000]


async def test_where_nobody_is_any_more_the_peer_stays(served: Served, place: Place, tmp_path: Path) -> None:
    gone, ours = Siblings(tmp_path), Siblings(tmp_path)
    gone.open("gone", lambda *_: None)
    place.hand_over = ours.reach("gone")
    gone.close()
    assert ours.reach("gone") is None
    async with knocking(served) as peer:
        await peer.send(HELLO)
        assert await peer.text() == b"hello"
        assert len(served.talks) == 1
    ours.close()


async def test_many_at_once(served: Served, elsewhere: Served) -> None:
    async def visit(number: int) -> None:
        async with knocking(served) as peer:
            for step in range(5):
                said = f"{number}.{step}".encode()
                await peer.send(frame(TEXT, said))
                assert await peer.text() == said

    await asyncio.gather(*(visit(number) for number in range(200)))
    assert len(served.talks) + len(elsewhere.talks) == 200
    assert len(elsewhere.talks) > 100

"""Candidates of real servers: fast ones, slow ones, and some that never answer."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing

import aioice
import msgspec
import pytest
from coturn import Coturn, running_coturn

import heliograph
from heliograph.events import PeerSignal
from heliograph.peer import gathering
from heliograph.peer.connection import Connection
from heliograph.peer.ice_servers import usable_ice_servers
from heliograph.peer.switchboard import Switchboard
from heliograph.testing import MemoryRoom
from heliograph_protocol import Answer, Candidate, IceServer, Offer
from heliograph_server.ice.servers import IceServers
from heliograph_server.settings import Settings

from .peers import echo

pytestmark = pytest.mark.usefixtures("nothing_is_left_running")

LIMIT_S = 10
SECRET = "what they share"


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with running_coturn(tmp_path_factory.mktemp("coturn"), SECRET) as running:
        yield running


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """A UDP address that takes everything and answers nothing."""
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as hole:
        hole.bind(("127.0.0.1", 0))
        yield hole.getsockname()


@asynccontextmanager
async def dialled(
    *servers: object, room: MemoryRoom | None = None, relay_only: bool = False
) -> AsyncIterator[tuple[MemoryRoom, Connection]]:
    """A connection between two peers that both use these servers."""
    room = room or MemoryRoom()
    usable = usable_ice_servers(servers)  # type: ignore[arg-type]
    boards = [
        Switchboard(
            room.join(name), ice_servers=lambda: usable, admit=lambda _: None, serve=echo, relay_only=relay_only
        )
        for name in ("Worker-1", "Client-1")
    ]
    running = [asyncio.create_task(board.run()) for board in boards]
    await asyncio.sleep(0)
    try:
        yield room, await boards[1].dial(boards[1].prepare("Worker-1"))
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)


async def without_delay_s() -> float:
    """How long a connection may take that waits for nothing: a second, or thrice what it takes a busy machine now."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with dialled():
        return max(1.0, 3 * (loop.time() - started))


async def test_a_stun_server_that_never_answers_costs_no_second(silent: tuple[str, int]) -> None:
    url = f"stun:{silent[0]}:{silent[1]}"
    limit_s = await without_delay_s()
    async with asyncio.timeout(limit_s) as limit, dialled(url) as (_, connection):
        limit.reschedule(None)
        assert connection.report().server_answers == {url: "no answer"}
        await connection.channel("chat").send("hello")
        assert await connection.channel("chat").receive() == "hello"


async def test_nobody_is_asked_once_the_connection_is_closed(
    silent: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiortc closes it by itself when the other side has, perhaps while a server's name is still being resolved."""
    resolving, resolved = threading.Event(), threading.Event()

    def slowly(name: str) -> str:
        resolving.set()
        resolved.wait(LIMIT_S)
        return name

    monkeypatch.setattr(socket, "gethostbyname", slowly)
    gathers = gathering.Gathering(usable_ice_servers([f"stun:{silent[0]}:{silent[1]}"]))
    ice = aioice.Connection(ice_controlling=True, stun_server=silent)
    gathers.take_over(ice)
    await ice.gather_candidates()
    try:
        assert await asyncio.to_thread(resolving.wait, LIMIT_S)
        assert not gathers.finished.is_set()
        await ice.close()
        assert gathers.finished.is_set()
    finally:
        resolved.set()


async def test_a_name_that_does_not_resolve_costs_no_second() -> None:
    limit_s = await without_delay_s()
    async with asyncio.timeout(limit_s) as limit, dialled("stun:no-such-host.invalid") as (_, connection):
        limit.reschedule(None)
        assert connection.report().ice_servers == ("stun:no-such-host.invalid",)


async def test_without_servers_nobody_is_asked() -> None:
    """aiortc takes none for a public one."""
    async with dialled() as (_, connection):
        ice = connection._rtc._sctp.transport.transport._connection
        assert (ice.stun_server, ice.turn_server) == (None, None)
        assert connection.report().server_answers == {}


async def test_a_name_that_nobody_on_the_network_knows_holds_up_nothing() -> None:
    """What a browser page on another network gives for an address, before one that leads there."""

    def hidden(signal: PeerSignal) -> PeerSignal:
        if not isinstance(signal, Answer):
            return signal
        before, first, after = signal.sdp.partition("a=candidate:")
        mdns = "a=candidate:9 1 udp 2130706431 6a1b2c3d-0000-4000-8000-000000000000.local 50000 typ host"
        return msgspec.structs.replace(signal, sdp=f"{before}{mdns}\r\n{first}{after}")

    limit_s = await without_delay_s()
    async with asyncio.timeout(limit_s) as limit, dialled(room=MemoryRoom(rewrite=hidden)) as (_, connection):
        limit.reschedule(None)
        assert connection.report().remote_candidates["mdns"] == 1


async def test_what_a_server_says_in_time_is_in_the_offer(coturn: Coturn) -> None:
    async with dialled(coturn.stun_url) as (room, connection):
        [offer] = [signal for signal in room.passed if isinstance(signal, Offer)]
        assert " typ srflx " in offer.sdp
        assert connection.report().server_answers == {coturn.stun_url: "answered"}
        assert connection.report().remote_candidates["srflx"] >= 1


async def test_what_it_says_later_is_trickled_before_the_end(coturn: Coturn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "GATHER_BUDGET_S", 0.0)
    async with dialled(coturn.stun_url) as (room, connection):
        while not connection.report().remote_ended:  # noqa: ASYNC110 - nothing tells that a signal has been taken
            await asyncio.sleep(0.01)
        [offer] = [signal for signal in room.passed if isinstance(signal, Offer)]
        assert " typ srflx" not in offer.sdp
        assert "end-of-candidates" not in offer.sdp
        trickled = [
            signal.candidate for signal in room.passed if isinstance(signal, Candidate) and signal.sender == "Client-1"
        ]
        assert trickled[-1] is None
        assert all(" typ srflx " in candidate.candidate for candidate in trickled[:-1])  # type: ignore[union-attr]
        assert len(trickled) > 1
        assert connection.report().remote_candidates["srflx"] >= 1


async def test_a_relay_that_comes_late_is_tried(coturn: Coturn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host candidates that lead nowhere are there at once; the relay is what works, and comes by trickle."""
    monkeypatch.setattr(gathering, "GATHER_BUDGET_S", 0.0)
    room = MemoryRoom(rewrite=_relays_alone)
    async with asyncio.timeout(LIMIT_S), dialled(_turn(coturn), room=room) as (_, connection):
        await connection.channel("chat").send("hello")
        assert await connection.channel("chat").receive() == "hello"
        tried = connection.report().pairs
        assert any(pair.endswith("succeeded") for pair in tried), tried


async def test_without_an_answer_a_relay_only_connection_says_so(
    silent: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "SERVER_TIMEOUT_S", 0.3)
    relay = {"urls": f"turn:{silent[0]}:{silent[1]}", "username": "ann", "credential": "secret"}
    with pytest.raises(heliograph.ConnectFailed, match=r"gave none .* no answer"):
        async with dialled(relay, relay_only=True):
            pytest.fail("there was no way to connect")


async def test_closing_does_not_wait_for_a_relay_that_is_gone(tmp_path_factory: pytest.TempPathFactory) -> None:
    loop = asyncio.get_running_loop()
    with running_coturn(tmp_path_factory.mktemp("coturn"), SECRET) as mortal:
        async with dialled(_turn(mortal)) as (_, connection):
            mortal.stop()
            started = loop.time()
            await connection.close()
            assert loop.time() - started < 5


def _turn(coturn: Coturn) -> IceServer:
    [server] = IceServers(Settings(turn_urls=coturn.turn_urls[:1], turn_secret=SECRET), clock=time.time).for_user("ann")
    return server


def _relays_alone(signal: PeerSignal) -> PeerSignal:
    if not isinstance(signal, Offer | Answer):
        return signal
    lines = [line for line in signal.sdp.splitlines() if " typ host" not in line]
    return msgspec.structs.replace(signal, sdp="\r\n".join([*lines, ""]))

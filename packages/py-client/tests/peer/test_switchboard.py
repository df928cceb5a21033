"""Connections between real aiortc peers, introduced by a room in memory."""

import asyncio
from typing import Literal

import msgspec
import pytest
from msgspec import UNSET

import heliograph
from heliograph.events import PeerSignal
from heliograph.peer.connection import Connection
from heliograph.peer.report import Stage
from heliograph.peer.switchboard import Refusal, Switchboard
from heliograph.testing import MemoryRoom
from heliograph_protocol import Answer, Candidate, IceCandidateInit, Offer, PeerLeft, Quit

from .peers import dial, echo, no_ice_servers, peer, seen, switchboard_of

pytestmark = pytest.mark.usefixtures("nothing_is_left_running")

BUSY = Refusal(code="WORKER_BUSY", reason="worker_busy", message="Too many")


async def test_a_connection_carries_messages_both_ways() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client, await dial(client, "Worker-1") as connection:
        assert connection.is_connected
        chat = connection.channel("chat")
        for message in ("hello", b"bytes", "", b"", "x" * 200_000):
            await chat.send(message)
            assert await chat.receive() == message


async def test_the_largest_message_goes_through() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client, await dial(client, "Worker-1") as connection:
        await connection.channel("chat").send(b"x" * heliograph.MAX_MESSAGE_BYTES)
        assert len(await connection.channel("chat").receive()) == heliograph.MAX_MESSAGE_BYTES


async def test_several_clients_are_served_at_once() -> None:
    room = MemoryRoom()
    async with (
        peer(room, "Worker-1"),
        peer(room, "Client-1") as one,
        peer(room, "Client-2") as two,
        await dial(one, "Worker-1") as first,
        await dial(two, "Worker-1") as second,
    ):
        await first.channel("chat").send("first")
        await second.channel("chat").send("second")
        assert await second.channel("chat").receive() == "second"
        assert await first.channel("chat").receive() == "first"


async def test_closing_delivers_what_was_sent_and_ends_the_other_side() -> None:
    received: list[str | bytes] = []
    ended = asyncio.Event()

    async def collect(connection: Connection) -> None:
        received.extend([message async for message in await connection.accept_channel()])
        await connection.wait_closed()
        ended.set()

    room = MemoryRoom()
    async with peer(room, "Worker-1", serve=collect), peer(room, "Client-1") as client:
        async with await dial(client, "Worker-1") as connection:
            for number in range(100):
                await connection.channel("chat").send(f"{number}" * 1000)
        async with asyncio.timeout(5):
            await ended.wait()
    assert len(received) == 100
    assert connection.state == "closed"
    assert isinstance(room.passed[-1], Quit)


async def test_a_closed_connection_can_be_made_again() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client:
        for _ in range(2):
            async with await dial(client, "Worker-1") as connection:
                await connection.channel("chat").send("again")
                assert await connection.channel("chat").receive() == "again"


async def test_each_side_opens_channels_of_its_own() -> None:
    async def call_back(connection: Connection) -> None:
        channel = connection.channel("from the worker")
        await channel.send("hello")
        await connection.wait_closed()

    room = MemoryRoom()
    async with peer(room, "Worker-1", serve=call_back), peer(room, "Client-1") as client:
        async with await dial(client, "Worker-1") as connection:
            channel = await connection.accept_channel()
            assert channel.label == "from the worker"
            assert await channel.receive() == "hello"
        with pytest.raises(heliograph.ConnectionLost):
            await connection.accept_channel()
        with pytest.raises(heliograph.ConnectionLost):
            connection.open_channel("too late")


async def test_waiting_for_a_connection_ends_when_it_can_be_used_and_when_it_is_over() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client:
        connection = client.prepare("Worker-1")
        waiting = [asyncio.create_task(connection.wait_connected()) for _ in range(2)]
        async with await client.dial(connection):
            async with asyncio.timeout(1):
                await asyncio.gather(*waiting)
                await connection.wait_connected()
        with pytest.raises(heliograph.ConnectionLost, match="is closed"):
            await connection.wait_connected()


async def test_waiting_for_a_connection_that_does_not_come_about_raises_why() -> None:
    async with peer(MemoryRoom(), "Client-1") as client:
        connection = client.prepare("Worker-9")
        waiting = asyncio.create_task(connection.wait_connected())
        with pytest.raises(heliograph.PeerNotFound):
            await client.dial(connection)
        async with asyncio.timeout(1):
            with pytest.raises(heliograph.PeerNotFound):
                await waiting


async def test_a_second_connection_to_the_same_peer_is_refused_here() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client, await dial(client, "Worker-1"):
        with pytest.raises(heliograph.AlreadyConnected):
            await dial(client, "Worker-1")


async def test_an_absent_peer_is_noticed_at_once() -> None:
    async with peer(MemoryRoom(), "Client-1") as client:
        with pytest.raises(heliograph.PeerNotFound):
            await dial(client, "Worker-9")
        assert client.connections == ()


async def test_a_busy_worker_says_so() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1", refusal=BUSY), peer(room, "Client-1") as client:
        with pytest.raises(heliograph.WorkerBusy, match="Too many") as caught:
            await dial(client, "Worker-1")
    assert caught.value.peer_id == "Worker-1"


async def test_a_peer_that_never_answers_ends_with_a_report() -> None:
    room = MemoryRoom()
    room.join("Worker-1")
    async with peer(room, "Client-1", timeout_s=0.5) as client:
        with pytest.raises(heliograph.ConnectTimeout, match="sent no answer") as caught:
            await dial(client, "Worker-1")
    report = caught.value.report
    assert report is not None
    assert report.stage is Stage.WAITING
    assert report.local_candidates["host"] >= 1
    assert report.remote_candidates == {}
    assert report.ice_servers == ()


@pytest.mark.parametrize("reason", ["left", "timed_out", "removed"])
async def test_a_peer_that_leaves_before_it_answers_is_not_waited_for(
    reason: Literal["left", "timed_out", "removed"],
) -> None:
    room = MemoryRoom()
    room.join("Worker-1")
    joined = room.join("Client-1")
    async with switchboard_of(joined) as client, asyncio.timeout(5):
        dialling = asyncio.create_task(dial(client, "Worker-1"))
        while not any(isinstance(signal, Offer) for signal in room.passed):  # noqa: ASYNC110 - a list is all there is
            await asyncio.sleep(0.01)
        for peer_id in ("Worker-2", "Worker-1"):
            joined.deliver(PeerLeft(peer=seen(peer_id), reason=reason))
        with pytest.raises(heliograph.PeerNotFound, match="Worker-1 left the room"):
            await dialling


async def test_an_open_connection_goes_on_when_its_peer_leaves_the_room() -> None:
    room = MemoryRoom()
    joined = room.join("Client-1")
    async with peer(room, "Worker-1"), switchboard_of(joined) as client, await dial(client, "Worker-1") as connection:
        joined.deliver(PeerLeft(peer=seen("Worker-1"), reason="left"))
        await connection.channel("chat").send("still there")
        assert await connection.channel("chat").receive() == "still there"


async def test_a_path_that_does_not_exist_ends_with_a_report() -> None:
    def unreachable(signal: PeerSignal) -> PeerSignal | None:
        """Leave the other side nothing but an address that answers nobody (RFC 5737), and never an end."""
        if isinstance(signal, Candidate):
            return None
        if not isinstance(signal, Offer | Answer):
            return signal
        lines = [line for line in signal.sdp.splitlines() if "candidate" not in line]
        candidate = "a=candidate:1 1 udp 2130706431 203.0.113.1 50000 typ host"
        return msgspec.structs.replace(signal, sdp="\r\n".join([*lines, candidate, ""]))

    room = MemoryRoom(rewrite=unreachable)
    async with peer(room, "Worker-1", timeout_s=1.0), peer(room, "Client-1", timeout_s=1.0) as client:
        with pytest.raises(heliograph.ConnectTimeout) as caught:
            await dial(client, "Worker-1")
    report = caught.value.report
    assert report is not None
    assert report.stage is Stage.CHECKING
    assert report.remote_candidates == {"host": 1}
    assert not report.remote_ended
    assert "end not signalled" in str(caught.value)


async def test_a_description_that_is_none_fails_at_once() -> None:
    def garble(signal: PeerSignal) -> PeerSignal:
        return msgspec.structs.replace(signal, sdp="m=nonsense") if isinstance(signal, Answer) else signal

    room = MemoryRoom(rewrite=garble)
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client:
        with pytest.raises(heliograph.ConnectFailed, match="answer cannot be used"):
            await dial(client, "Worker-1")


@pytest.mark.parametrize("sdp", ["", "nonsense", "v=0\r\nm=application x", "v=0\r\n", "\N{SNOWMAN}" * 1000])
async def test_nonsense_offers_do_not_disturb_a_worker(sdp: str) -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1") as worker, peer(room, "Client-1") as client:
        await room.join("Stranger").offer("Worker-1", sdp, connection_id="c")
        async with await dial(client, "Worker-1") as connection:
            await connection.channel("chat").send("still there?")
            assert await connection.channel("chat").receive() == "still there?"
            assert [served.peer_id for served in worker.connections] == ["Client-1"]


async def test_a_peer_whose_offer_cannot_be_used_is_told() -> None:
    def garble(signal: PeerSignal) -> PeerSignal:
        return msgspec.structs.replace(signal, sdp="m=nonsense") if isinstance(signal, Offer) else signal

    room = MemoryRoom(rewrite=garble)
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client:
        with pytest.raises(heliograph.PeerRefused):
            await dial(client, "Worker-1")


async def test_a_machine_without_an_address_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: [])
    room = MemoryRoom()
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client:
        with pytest.raises(heliograph.ConnectFailed, match="no network address besides loopback"):
            await dial(client, "Worker-1")
    assert room.passed == []


async def test_a_handler_that_breaks_does_not_end_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async def break_for_ann(connection: Connection) -> None:
        if connection.peer_id == "Ann":
            raise RuntimeError("a bug")
        await echo(connection)

    room = MemoryRoom()
    async with peer(room, "Worker-1", serve=break_for_ann), peer(room, "Ann") as ann, peer(room, "Bob") as bob:
        async with await dial(ann, "Worker-1") as unlucky, asyncio.timeout(5):
            await unlucky.wait_closed()
        async with await dial(bob, "Worker-1") as connection:
            await connection.channel("chat").send("hello")
            assert await connection.channel("chat").receive() == "hello"
    assert "RuntimeError: a bug" in caplog.text


async def test_candidates_may_trickle_before_and_after_the_description() -> None:
    """The signals arrive as a browser sends them: candidates one by one, the first ahead of the answer."""
    delayed: list[Candidate] = []
    room = MemoryRoom()

    def trickle(signal: PeerSignal) -> PeerSignal | None:
        match signal:
            case Answer(sdp=sdp):
                lines = sdp.splitlines()
                found = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
                init = [IceCandidateInit(candidate=line, sdp_mid="0", sdp_m_line_index=0) for line in found]
                first = Candidate(target=signal.target, sender=signal.sender, candidate=None)
                first = msgspec.structs.replace(first, connection_id=signal.connection_id)
                delayed.extend(msgspec.structs.replace(first, candidate=candidate) for candidate in (*init, None))
                client_signaling.deliver(delayed.pop(0))
                bare = [line for line in lines if "candidate" not in line]
                return msgspec.structs.replace(signal, sdp="\r\n".join([*bare, ""]))
            case Candidate(sender="Worker-1"):
                while delayed:
                    client_signaling.deliver(delayed.pop(0))
                return None
            case _:
                return signal

    room = MemoryRoom(rewrite=trickle)
    async with peer(room, "Worker-1"):
        client_signaling = room.join("Client-1")
        client = Switchboard(client_signaling, ice_servers=no_ice_servers, admit=lambda _: None, serve=echo)
        running = asyncio.create_task(client.run())
        await asyncio.sleep(0)
        async with await dial(client, "Worker-1") as connection:
            assert connection.report().remote_ended
            assert connection.report().remote_candidates["host"] >= 1
        running.cancel()
        await asyncio.wait([running])


async def test_programs_that_know_no_connection_id_are_served() -> None:
    def forget(signal: PeerSignal) -> PeerSignal:
        return msgspec.structs.replace(signal, connection_id=UNSET)

    room = MemoryRoom(rewrite=forget)
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client, await dial(client, "Worker-1") as connection:
        await connection.channel("chat").send("hello")
        assert await connection.channel("chat").receive() == "hello"


async def test_signals_of_another_connection_are_ignored() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client, await dial(client, "Worker-1") as connection:
        stranger = room.join("Stranger")
        await stranger.quit("Client-1", connection_id=connection.connection_id)
        impostor = Quit(target="Client-1", sender="Worker-1", connection_id="an older one")
        room.forward(impostor, room.join("Worker-1"))
        await connection.channel("chat").send("hello")
        assert await connection.channel("chat").receive() == "hello"


async def test_a_quit_while_connecting_is_a_refusal() -> None:
    def quit_instead(signal: PeerSignal) -> PeerSignal:
        if isinstance(signal, Answer):
            return Quit(target=signal.target, sender=signal.sender, connection_id=signal.connection_id)
        return signal

    room = MemoryRoom(rewrite=quit_instead)
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client:
        with pytest.raises(heliograph.PeerRefused, match="ended the connection"):
            await dial(client, "Worker-1")


async def test_a_new_offer_of_the_same_peer_replaces_the_old_connection() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1") as worker, peer(room, "Client-1") as client:
        first = await dial(client, "Worker-1")
        async with peer(room, "Client-1") as same, await dial(same, "Worker-1") as second:
            async with asyncio.timeout(5):
                await first.wait_closed()
            assert len(worker.connections) == 1
            await second.channel("chat").send("hello")
            assert await second.channel("chat").receive() == "hello"


async def test_when_both_offer_at_once_they_end_up_with_one_connection() -> None:
    room = MemoryRoom()
    async with peer(room, "Ann") as ann, peer(room, "Bob") as bob:
        to_bob, to_ann = await asyncio.gather(dial(ann, "Bob"), dial(bob, "Ann"))
        assert to_bob.connection_id == to_ann.connection_id
        answers = [signal for signal in room.passed if isinstance(signal, Answer)]
        assert [answer.sender for answer in answers] == ["Ann"]  # the smaller id is the polite one
        await to_bob.channel("chat").send("from Ann")
        assert await to_ann.channel("chat").receive() == "from Ann"
        await to_ann.channel("chat").send("from Bob")
        assert await to_bob.channel("chat").receive() == "from Bob"


async def test_giving_up_while_connecting_leaves_nothing() -> None:
    room = MemoryRoom()
    offered = aiter(room.join("Worker-1"))
    async with peer(room, "Client-1") as client:
        dialling = asyncio.create_task(dial(client, "Worker-1"))
        assert isinstance(await anext(offered), Offer)
        dialling.cancel()
        await asyncio.wait([dialling])
        assert client.connections == ()
        assert isinstance(room.passed[-1], Quit)


async def test_the_last_connection_outlives_the_signaling() -> None:
    room = MemoryRoom()
    signaling = room.join("Worker-1")
    worker = Switchboard(signaling, ice_servers=no_ice_servers, admit=lambda _: None, serve=echo)
    running = asyncio.create_task(worker.run())
    async with peer(room, "Client-1") as client:
        async with await dial(client, "Worker-1") as connection:
            signaling.close()
            await connection.channel("chat").send("still there?")
            assert await connection.channel("chat").receive() == "still there?"
            assert not running.done()
        async with asyncio.timeout(5):
            await running

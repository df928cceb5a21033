"""Paths that are lost, and what a connection does then: over real aiortc, introduced by a room in memory."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

import heliograph
from heliograph import Reconnected, Reconnecting
from heliograph.events import PeerSignal
from heliograph.peer import liveness
from heliograph.peer.connection import Connection
from heliograph.testing import MemoryRoom, cut_path
from heliograph_protocol import Answer, Offer

from .peers import dial, echo, peer

pytestmark = pytest.mark.usefixtures("nothing_is_left_running")

LIMIT_S = 15
LIVENESS_LIMIT_S = 5


@asynccontextmanager
async def lost_path(near: Connection) -> AsyncIterator[None]:
    """The path goes, and this end has noticed."""
    events = near.events()
    with cut_path(near):
        async with asyncio.timeout(LIVENESS_LIMIT_S):
            assert isinstance(await anext(events), Reconnecting)
        yield


async def back(events: AsyncIterator[heliograph.ConnectionEvent]) -> Reconnected:
    async with asyncio.timeout(LIMIT_S):
        async for event in events:
            if isinstance(event, Reconnected):
                return event
    raise AssertionError("it did not come back")


async def test_a_lost_path_is_noticed_on_both_sides_and_made_anew_under_the_same_channels() -> None:
    served: list[Connection] = []

    async def keep(connection: Connection) -> None:
        served.append(connection)
        await echo(connection)

    room = MemoryRoom()
    async with (
        peer(room, "Worker-1", serve=keep),
        peer(room, "Client-1") as client,
        await dial(client, "Worker-1") as near,
    ):
        far = served[0]
        chat = near.channel("chat")
        await chat.send("before")
        assert await chat.receive() == "before"
        events, far_events = near.events(), far.events()
        loop = asyncio.get_running_loop()
        with cut_path(near):
            cut_at = loop.time()
            async with asyncio.timeout(LIVENESS_LIMIT_S):
                first = await anext(events)
                assert isinstance(first, Reconnecting)
                assert isinstance(first.cause, heliograph.ConnectionLost)
                assert isinstance(await anext(far_events), Reconnecting)
            assert loop.time() - cut_at < LIVENESS_LIMIT_S
            assert await back(events) == Reconnected("Worker-1", kept=True)
            assert await back(far_events) == Reconnected("Client-1", kept=True)
        assert near.channel("chat") is chat
        async with asyncio.timeout(LIMIT_S):
            await chat.send("after")
            assert await chat.receive() == "after"
        assert len(served) == 1


@pytest.mark.usefixtures("quick")
async def test_sending_waits_for_the_next_path_and_so_does_who_waits_for_the_connection() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client, await dial(client, "Worker-1") as near:
        room.cut("Client-1")
        async with lost_path(near):
            assert near.state == "reconnecting"
            sending = asyncio.create_task(near.channel("chat").send("late"))
            waiting = asyncio.create_task(near.wait_connected())
            extra = near.channel("opened meanwhile")
            assert not extra.is_open
            room.restore("Client-1")
            async with asyncio.timeout(LIMIT_S):
                await asyncio.gather(sending, waiting)
                assert await near.channel("chat").receive() == "late"
                await extra.wait_open()


@pytest.mark.usefixtures("quick")
async def test_a_quit_is_no_lost_path() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1") as worker, peer(room, "Client-1") as client:
        near = await dial(client, "Worker-1")
        events = near.events()
        await worker.connections[0].close()
        async with asyncio.timeout(LIVENESS_LIMIT_S):
            await near.wait_closed()
            assert [event async for event in events] == []
        offers = [signal for signal in room.passed if isinstance(signal, Offer)]
        assert len(offers) == 1


@pytest.mark.usefixtures("quick")
async def test_it_gives_up_after_its_time_with_the_reason() -> None:
    room = MemoryRoom()
    async with (
        peer(room, "Worker-1", redial_timeout_s=0.5) as worker,
        peer(room, "Client-1", redial_timeout_s=1.0) as client,
        await dial(client, "Worker-1") as near,
    ):
        far = worker.connections[0]
        far_events = far.events()
        room.cut("Client-1")
        async with lost_path(near):
            chat = near.channel("chat")
            async with asyncio.timeout(LIMIT_S):
                with pytest.raises(heliograph.RedialFailed, match="no other in 1 s"):
                    await near.wait_connected()
                with pytest.raises(heliograph.RedialFailed):
                    await chat.send("nobody hears this")
                with pytest.raises(heliograph.RedialFailed):
                    await chat.receive()
                with pytest.raises(heliograph.RedialFailed):
                    [event async for event in far_events]


@pytest.mark.usefixtures("quick")
async def test_without_time_to_redial_a_lost_path_is_the_end() -> None:
    room = MemoryRoom()
    async with (
        peer(room, "Worker-1", redial_timeout_s=0),
        peer(room, "Client-1", redial_timeout_s=0) as client,
        await dial(client, "Worker-1") as near,
    ):
        with cut_path(near):
            async with asyncio.timeout(LIVENESS_LIMIT_S):
                await near.wait_closed()
            with pytest.raises(heliograph.ConnectionLost, match="Nothing has come from Worker-1"):
                await near.wait_connected()


@pytest.mark.usefixtures("quick")
async def test_a_peer_that_closed_meanwhile_refuses_the_redial() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1") as worker, peer(room, "Client-1") as client:
        near = await dial(client, "Worker-1")
        far = worker.connections[0]
        room.cut("Worker-1")
        with cut_path(near):
            await far.close()
            room.restore("Worker-1")
            async with asyncio.timeout(LIMIT_S):
                await near.wait_closed()
            with pytest.raises(heliograph.RedialFailed, match="has ended the connection"):
                await near.wait_connected()


@pytest.mark.usefixtures("quick")
async def test_a_peer_that_was_started_anew_serves_the_connection_from_the_start() -> None:
    room = MemoryRoom()
    async with peer(room, "Client-1") as client:
        async with peer(room, "Worker-1"):
            near = await dial(client, "Worker-1")
            events = near.events()
            room.cut("Worker-1")
            cut = cut_path(near)
        room.restore("Worker-1")
        async with peer(room, "Worker-1"):
            event = await back(events)
            assert event == Reconnected("Worker-1", kept=False)
            async with asyncio.timeout(LIMIT_S):
                await near.channel("chat").send("who are you?")
                assert await near.channel("chat").receive() == "who are you?"
            cut.restore()
            await near.close()


@pytest.mark.usefixtures("quick")
async def test_channels_of_both_sides_come_back_and_closed_ones_do_not() -> None:
    served: list[Connection] = []

    async def keep(connection: Connection) -> None:
        served.append(connection)
        await connection.wait_closed()

    room = MemoryRoom()
    async with (
        peer(room, "Worker-1", serve=keep),
        peer(room, "Client-1") as client,
        await dial(client, "Worker-1") as near,
        asyncio.timeout(2 * LIMIT_S),
    ):
        far = served[0]
        ours = [near.open_channel("job") for _ in range(3)]
        for channel in ours:
            await channel.wait_open()
        await far.accept_channel()
        theirs = [await far.accept_channel() for _ in ours]
        back_channels = [far.open_channel("job") for _ in range(2)]
        seen_back = [await near.accept_channel() for _ in back_channels]
        events = near.events()
        async with lost_path(near):
            await ours[0].close()
            await theirs[1].close()
            await seen_back[0].close()
            await back(events)
        await ours[2].send("third")
        assert await theirs[2].receive() == "third"
        await back_channels[1].send("back")
        assert await seen_back[1].receive() == "back"
        for closed in (theirs[0], ours[1], back_channels[0]):
            with pytest.raises(heliograph.ChannelClosed):
                await closed.receive()


@pytest.mark.usefixtures("quick")
async def test_a_large_message_that_was_cut_in_two_arrives_once_and_whole() -> None:
    served: list[Connection] = []

    async def keep(connection: Connection) -> None:
        served.append(connection)
        await connection.wait_closed()

    room = MemoryRoom()
    async with (
        peer(room, "Worker-1", serve=keep),
        peer(room, "Client-1") as client,
        await dial(client, "Worker-1") as near,
        asyncio.timeout(2 * LIMIT_S),
    ):
        data = near.channel("data")
        await data.wait_open()
        await served[0].accept_channel()
        far = await served[0].accept_channel()
        content = bytes(16 * 1024 * 1024)
        sending = asyncio.create_task(data.send(content))
        while near._rtc.received_packets < 60:  # noqa: ASYNC110 - acknowledgements: it is under way
            await asyncio.sleep(0)
        assert not sending.done()
        async with lost_path(near):
            await sending
        assert await far.receive() == content
        await data.send("next")
        assert await far.receive() == "next"


@pytest.mark.usefixtures("quick")
async def test_programs_that_know_nothing_of_sessions_are_no_worse_off() -> None:
    def forget(signal: PeerSignal) -> PeerSignal:
        if not isinstance(signal, Offer | Answer):
            return signal
        lines = [line for line in signal.sdp.splitlines() if "heliograph-session" not in line]
        return msgspec.structs.replace(signal, sdp="\r\n".join([*lines, ""]))

    room = MemoryRoom(rewrite=forget)
    async with peer(room, "Worker-1") as worker, peer(room, "Client-1") as client:
        near = await dial(client, "Worker-1")
        far = worker.connections[0]
        await near.channel("chat").send("hello")
        assert await near.channel("chat").receive() == "hello"
        await near.close()
        async with asyncio.timeout(LIVENESS_LIMIT_S):
            await far.wait_closed()


@pytest.mark.usefixtures("quick")
async def test_a_busy_path_and_a_busy_loop_are_no_lost_path() -> None:
    """Much is sent, so that pings would wait long, and then both sides do nothing for longer than a path may."""
    room = MemoryRoom()
    async with peer(room, "Worker-1"), peer(room, "Client-1") as client, await dial(client, "Worker-1") as near:
        events = near.events()
        chat = near.channel("chat")
        waiting = asyncio.ensure_future(anext(events))
        for _ in range(100):
            await chat.send(bytes(65_536))
        for _ in range(100):
            assert len(await chat.receive()) == 65_536
        time.sleep(2 * liveness.LOST_AFTER_S)  # noqa: ASYNC251 - a handler that holds up everything
        await chat.send("still there?")
        assert await chat.receive() == "still there?"
        await asyncio.wait([waiting], timeout=2 * liveness.LOST_AFTER_S)
        assert not waiting.done()
        waiting.cancel()

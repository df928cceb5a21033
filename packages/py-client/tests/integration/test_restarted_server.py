"""A server that is killed and comes back: everyone is there again by itself, and knows what was lost."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import heliograph
from heliograph.signaling.outbox import QUEUED_MESSAGES

from .events import next_of


async def test_sessions_begin_anew_with_a_fresh_list_of_peers(mortal_server: Any) -> None:
    server = mortal_server
    room = await heliograph.create_room(server.url)
    where: Any = {"room": room.room_id, "token": room.token}
    async with (
        heliograph.Worker(server.url, peer_id="Worker-1", properties={"status": "idle"}, **where) as worker,
        heliograph.connect(server.url, peer_id="Client-1", **where) as client,
        heliograph.connect(server.url, peer_id="Gone", **where) as gone,
    ):
        await worker.update(status="busy", tags=["gpu"])
        await client.set_groups("default", "mine")
        claim = await client.claim(role="worker", ttl_s=600)
        events = client.events()
        assert not (await next_of(heliograph.Registered, events)).resumed
        await server.stop(kill=True)
        await next_of(heliograph.Disconnected, events)
        await gone._close()
        await client.message("Worker-1", "queued while nobody is there")
        asking = asyncio.create_task(client.discover(status="busy"))
        await server.start()

        again = await next_of(heliograph.Registered, events)
        assert not again.resumed
        assert {peer.peer_id for peer in again.peers} <= {"Worker-1"}, "what was known before does not count"
        assert await claim.wait_over() == "session_lost"
        with pytest.raises(heliograph.ClaimLost):
            claim.check()
        await asking
        async with asyncio.timeout(30):
            while "Worker-1" not in client.roster:
                await next_of(heliograph.PeerJoined, events)
        there = client.roster["Worker-1"]
        assert there.metadata.properties == {"status": "busy"}, "it registers as what it had become"
        assert there.metadata.tags == ["gpu"]
        assert not there.claimed_by
        async with client.claim(status="busy", wait_s=10) as newer:
            assert newer.peer_id == "Worker-1"


async def test_what_was_on_its_way_is_of_unknown_fate(mortal_server: Any) -> None:
    server = mortal_server
    room = await heliograph.create_room(server.url)
    where: Any = {"room": room.room_id, "token": room.token}
    async with (
        heliograph.connect(server.url, peer_id="A", **where) as sender,
        heliograph.connect(server.url, peer_id="B", **where),
    ):
        server.pause()  # it takes bytes, and answers nothing
        waiting = asyncio.create_task(sender.message("B", 1, ack=True))
        await sender.message("B", 2)
        signaling = sender._signaling
        await signaling._progress.until(lambda: signaling._core.all_sent, 10)
        await server.stop(kill=True)
        await server.start()
        with pytest.raises(heliograph.DeliveryUnknown):
            await waiting
        events = sender.events()
        undelivered = await next_of(heliograph.Undelivered, events)
        assert (undelivered.to, undelivered.message.payload) == ("B", 2)
        assert isinstance(undelivered.error, heliograph.DeliveryUnknown)


async def test_while_the_server_is_away_the_queue_is_bounded_and_nothing_hangs(mortal_server: Any) -> None:
    server = mortal_server
    room = await heliograph.create_room(server.url)
    where: Any = {"room": room.room_id, "token": room.token}
    async with (
        heliograph.connect(server.url, peer_id="A", **where) as sender,
        heliograph.connect(server.url, peer_id="B", **where) as receiver,
    ):
        events, heard = sender.events(), receiver.events()
        await server.stop(kill=True)
        await next_of(heliograph.Disconnected, events)
        await next_of(heliograph.Disconnected, heard)
        async with asyncio.timeout(5):
            for number in range(QUEUED_MESSAGES):
                await sender.message("B", number)
            with pytest.raises(heliograph.SendQueueFull):
                await sender.message("B", "one more")
        await server.start()
        told: list[int] = []
        all_told = asyncio.Event()

        async def collect(stream: AsyncIterator[Any]) -> None:
            async for event in stream:
                if isinstance(event, heliograph.PeerMessage | heliograph.Undelivered):
                    message = event if isinstance(event, heliograph.PeerMessage) else event.message
                    told.append(message.payload)
                    if len(told) == QUEUED_MESSAGES:
                        all_told.set()

        collecting = [asyncio.create_task(collect(stream)) for stream in (events, heard)]
        async with asyncio.timeout(30):
            await all_told.wait()
        assert sorted(told) == list(range(QUEUED_MESSAGES)), "each is heard once, or its sender is told"
    await asyncio.wait(collecting)

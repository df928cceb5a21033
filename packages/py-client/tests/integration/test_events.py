"""The events of a session from its start to its end, whoever brings that about."""

import asyncio
import gc
from typing import Any

import pytest

import heliograph
from heliograph import PeerJoined, PeerLeft, PeerMessage, Registered, RoomClosed, RoomExpiring

from .events import heard, next_of


async def all_of(member: heliograph.Member) -> list[Any]:
    async with asyncio.timeout(20):
        return [event async for event in member.events()]


async def test_events_come_in_order_from_the_start(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where, peer_id="Bob") as bob, heliograph.connect(**where, peer_id="Ann") as ann:
        async with heliograph.connect(**where, peer_id="Eve"):
            for number in range(3):
                await bob.message("Ann", number, ack=True)
        await bob.message("Ann", "done")
        passed: list[Any] = []
        async for event in ann.events():
            passed.append(event)
            if isinstance(event, PeerMessage) and event.payload == "done":
                break
        assert [type(event) for event in passed] == [Registered, PeerJoined, *[PeerMessage] * 3, PeerLeft, PeerMessage]
        registered = passed[0]
        assert (registered.peer_id, registered.room_id, registered.resumed) == ("Ann", ann.room_id, False)
        assert [peer.peer_id for peer in registered.peers] == ["Bob"]
        assert [event.payload for event in passed if isinstance(event, PeerMessage)] == [0, 1, 2, "done"]


async def test_the_events_end_with_the_session(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where) as session:
        reading = asyncio.create_task(all_of(session))
        await session.peers()
    assert [type(event) for event in await reading] == [Registered]
    assert await all_of(session) == []


async def test_what_was_not_read_yet_can_be_read_after_the_end(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where, peer_id="Ann") as ann:
        async with heliograph.connect(**where, peer_id="Bob") as bob:
            await bob.message("Ann", "bye", ack=True)
        assert list(await ann.peers()) == []
    assert [type(event) for event in await all_of(ann)] == [Registered, PeerJoined, PeerMessage, PeerLeft]


async def test_a_worker_has_events_too(where: dict[str, Any]) -> None:
    async with heliograph.Worker(**where, peer_id="W") as worker, heliograph.connect(**where) as ann:
        events = worker.events()
        await next_of(PeerJoined, events)
        assert await ann.message("W", {"job": 7}, ack=True) == "delivered"
        message = await next_of(PeerMessage, events)
        assert (message.payload, message.from_peer_id) == ({"job": 7}, ann.peer_id)
        assert await worker.message(ann.peer_id, "done", ack=True) == "delivered"


async def test_who_is_put_out_is_told_so(owner: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with heliograph.connect(**owner.where, peer_id="Ann") as ann:
        events = ann.events()
        await next_of(Registered, events)
        await owner.api.remove_peer(owner.room.room_id, "Ann", id_token=owner.id_token)
        with pytest.raises(heliograph.Removed, match="4003"):
            await heard(events, until=PeerLeft)
        with pytest.raises(heliograph.Removed):
            await ann.peers()
        with pytest.raises(heliograph.Removed):
            await ann.message("Bob", "hello")
        with pytest.raises(heliograph.Removed):
            await ann.accept()
        with pytest.raises(heliograph.Removed):
            await all_of(ann)
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_nobody_has_to_read_why_it_ended(owner: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with heliograph.connect(**owner.where, peer_id="Ann") as ann:
        await owner.api.remove_peer(owner.room.room_id, "Ann", id_token=owner.id_token)
        with pytest.raises(heliograph.Removed):
            await asyncio.wait_for(ann.accept(), 10)
    del ann
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_closed_room_is_said_before_everyone_is_put_out(owner: Any) -> None:
    async with heliograph.connect(**owner.where) as ann, heliograph.Worker(**owner.where) as worker:
        events, events_of_worker = ann.events(), worker.events()
        await owner.api.close_room(owner.room.room_id, id_token=owner.id_token)
        assert (await next_of(RoomClosed, events)).reason == "the room was closed"
        with pytest.raises(heliograph.Removed):
            await anext(events)
        await next_of(RoomClosed, events_of_worker)
        with pytest.raises(heliograph.Removed):
            await anext(events_of_worker)
        with pytest.raises(heliograph.Removed):
            await worker.wait_closed()


async def test_a_newer_connection_of_the_same_user_replaces_the_older(owner: Any) -> None:
    mine: dict[str, Any] = {**owner.where, "peer_id": "Ann", "id_token": owner.id_token}
    async with heliograph.connect(**mine) as older, heliograph.connect(**mine) as newer:
        with pytest.raises(heliograph.Replaced):
            await all_of(older)
        assert await newer.peers() == []


async def test_a_room_that_is_about_to_expire_says_so(owner: Any) -> None:
    async with heliograph.connect(**owner.where) as ann:
        assert ann.expires_at == owner.room.expires_at
        soon = await owner.api.update_room(owner.room.room_id, id_token=owner.id_token, ttl_s=301)
        assert (await next_of(RoomExpiring, ann.events())).expires_at == soon.expires_at


async def test_an_ending_server_says_so(server_with: Any) -> None:
    async with server_with() as server:
        room = await heliograph.create_room(server.url)
        async with heliograph.connect(server.url, room=room.room_id, token=room.token) as ann:
            events = ann.events()
            await next_of(Registered, events)
            await server.stop()
            draining = await next_of(heliograph.ServerDraining, events)
            assert draining.reconnect_within_s > 0
            await next_of(heliograph.Disconnected, events)
            await server.start()
            assert not (await next_of(Registered, events)).resumed

"""Rooms that a worker keeps: extended in time, revived after their end, made anew when they are gone."""

import asyncio
import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import heliograph
from heliograph.signaling.keeper import KEPT_TTL_S, RETRY_S, Place, RoomKeeper

from .events import next_of

LIMIT_S = 20
EXPIRED = "UPDATE rooms SET expires_at = expires_at - 7260 WHERE room_id = ?"
"""What lasted two hours ended a minute ago."""


async def pauses(keeper_of: Any, count: int, place: Place, server_time: Any) -> list[float]:
    """How long a keeper waits between its first looks at the room."""
    waited: list[float] = []
    enough = asyncio.Event()

    async def sleep(delay_s: float) -> None:
        waited.append(delay_s)
        if len(waited) == count:
            enough.set()
            await asyncio.Event().wait()

    keeping = asyncio.create_task(keeper_of(sleep).keep_open(lambda: place, server_time))
    async with asyncio.timeout(LIMIT_S):
        await asyncio.wait([keeping, asyncio.create_task(enough.wait())], return_when=asyncio.FIRST_COMPLETED)
    keeping.cancel()
    return waited


async def now() -> int:
    return int(time.time())


def change(server: Any, statement: str, room_id: str) -> None:
    """Change a room as the server finds it in its file."""
    folder: Path = server._data_dir
    with closing(sqlite3.connect(folder / "rooms.sqlite3")) as database, database:
        assert database.execute(statement, (room_id,)).rowcount == 1


async def until_open_for(seconds: float, api: heliograph.Api, room_id: str, id_token: str) -> None:
    """Wait until the room has that much time left."""
    async with asyncio.timeout(LIMIT_S):
        while (await api.room(room_id, id_token=id_token)).expires_at <= time.time() + seconds:  # noqa: ASYNC110 - it announces nothing
            await asyncio.sleep(0.05)


async def test_it_is_extended_when_half_of_its_time_is_left_and_not_before(owner: Any) -> None:
    place = Place(owner.room.room_id, owner.id_token)

    async def expires_at() -> int:
        return int((await owner.api.room(owner.room.room_id, id_token=owner.id_token)).expires_at)

    def keeper(sleep: Any) -> RoomKeeper:
        return RoomKeeper(owner.where["url"], sleep=sleep)

    created = await expires_at()
    [spare_s] = await pauses(keeper, 1, place, now)
    assert await expires_at() == created
    assert KEPT_TTL_S / 2 - 30 < spare_s <= KEPT_TTL_S / 2

    async def later() -> int:  # by the server's clock; what this machine's says does not count
        return created - KEPT_TTL_S // 2

    assert await pauses(keeper, 1, place, later) == [KEPT_TTL_S / 2]
    assert await expires_at() >= created

    await owner.api.update_room(owner.room.room_id, id_token=owner.id_token, ttl_s=60)
    assert await pauses(keeper, 1, place, now) == [KEPT_TTL_S / 2]
    assert await expires_at() > time.time() + KEPT_TTL_S - 30


async def test_a_server_that_does_not_answer_is_asked_again() -> None:
    there = Place("room", "token")
    assert await pauses(lambda sleep: RoomKeeper("http://127.0.0.1:9", sleep=sleep), 2, there, now) == [RETRY_S] * 2


async def test_an_identity_that_may_not_ends_it(owner: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for token in ("no.jwt.here", (await owner.api.sign_in()).id_token):
        place = Place(owner.room.room_id, token)
        assert await pauses(lambda sleep: RoomKeeper(owner.where["url"], sleep=sleep), 1, place, now) == []
    assert caplog.text.count("room.not_kept") == 2
    assert "no.jwt.here" not in caplog.text + repr(place)


async def test_only_the_creator_may_keep_a_room(owner: Any) -> None:
    with pytest.raises(heliograph.ConfigurationError, match="creator"):
        async with heliograph.Worker(**owner.where, keep_room=True):
            pytest.fail("it is not this worker's room")


async def test_a_worker_keeps_its_room(owner: Any) -> None:
    await owner.api.update_room(owner.room.room_id, id_token=owner.id_token, ttl_s=301)
    async with heliograph.Worker(**owner.where, id_token=owner.id_token, keep_room=True):
        await until_open_for(KEPT_TTL_S / 2, owner.api, owner.room.room_id, owner.id_token)


async def test_who_comes_back_after_the_rooms_end_revives_it_or_makes_another(mortal_server: Any) -> None:
    server = mortal_server
    async with heliograph.Api(server.url) as api:
        mine = (await api.sign_in()).id_token
        room = await api.create_room(id_token=mine, name="pool", max_peers=7)
    where: dict[str, Any] = {"room": room.room_id, "token": room.token}
    async with heliograph.Worker(server.url, peer_id="Worker-1", id_token=mine, keep_room=True, **where) as worker:
        events = worker.events()
        await next_of(heliograph.Registered, events)
        await server.stop(kill=True)
        await next_of(heliograph.Disconnected, events)
        change(server, EXPIRED, room.room_id)
        await server.start()
        assert (await next_of(heliograph.Registered, events)).room_id == worker.room_id == room.room_id
        async with heliograph.Api(server.url) as api:  # whose session has outlived the server is in before that
            await until_open_for(0, api, room.room_id, mine)
        async with heliograph.connect(server.url, peer="Worker-1", **where) as connection:
            assert connection.is_connected

        await server.stop(kill=True)
        await next_of(heliograph.Disconnected, events)
        change(server, "DELETE FROM rooms WHERE room_id = ?", room.room_id)
        await server.start()
        made = (await next_of(heliograph.RoomRecreated, events)).room
        assert (await next_of(heliograph.Registered, events)).room_id == worker.room_id == made.room_id
        assert made.room_id != room.room_id
        async with heliograph.connect(server.url, room=made.room_id, token=made.token, peer="Worker-1") as connection:
            assert connection.is_connected
        async with heliograph.Api(server.url) as api:
            details = await api.room(made.room_id, id_token=mine)
        assert (details.name, details.max_peers) == ("pool", 7)


async def test_at_its_start_too(server: Any, owner: Any) -> None:
    change(server, EXPIRED, owner.room.room_id)
    where = {**owner.where, "id_token": owner.id_token}
    with pytest.raises(heliograph.RoomExpired):
        async with heliograph.Worker(**where):
            pytest.fail("the room has expired")
    async with heliograph.Worker(**where, keep_room=True) as worker:
        assert worker.expires_at is not None
        assert worker.expires_at > time.time()


async def test_a_room_that_was_never_open_is_not_made_anew(owner: Any) -> None:
    where = {**owner.where, "room": "nosuch00", "id_token": owner.id_token}
    with pytest.raises(heliograph.RoomNotFound):
        async with heliograph.Worker(**where, keep_room=True):
            pytest.fail("there is no such room")


async def test_a_room_that_its_creator_closed_stays_closed(owner: Any) -> None:
    async with heliograph.Worker(**owner.where, id_token=owner.id_token, keep_room=True) as worker:
        await owner.api.close_room(owner.room.room_id, id_token=owner.id_token)
        with pytest.raises(heliograph.Removed):
            await worker.wait_closed()
    assert [room async for room in owner.api.rooms(id_token=owner.id_token)] == []

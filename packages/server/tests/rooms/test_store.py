"""The contract of a room store, which every implementation keeps."""

import asyncio

from heliograph_server.rooms.store import RoomStore

from .samples import ANN, BOB, a_room


async def test_a_room_is_found_as_it_was_created(store: RoomStore) -> None:
    assert await store.create(a_room())
    assert await store.get("abcd2345") == a_room()


async def test_an_unknown_room_is_none(store: RoomStore) -> None:
    assert await store.get("abcd2345") is None
    assert await store.get("") is None
    assert await store.get("' OR 1=1 --") is None
    assert await store.get("nul\0byte") is None


async def test_an_id_is_given_once(store: RoomStore) -> None:
    assert await store.create(a_room(owner=ANN))
    assert not await store.create(a_room(owner=BOB))
    kept = await store.get("abcd2345")
    assert kept is not None
    assert kept.owner == ANN


async def test_of_many_creators_of_one_id_one_wins(store: RoomStore) -> None:
    outcomes = await asyncio.gather(*(store.create(a_room()) for _ in range(20)))
    assert outcomes.count(True) == 1


async def test_a_deleted_room_is_gone(store: RoomStore) -> None:
    await store.create(a_room())
    await store.create(a_room("other234"))
    assert await store.delete("abcd2345")
    assert await store.get("abcd2345") is None
    assert await store.get("other234") is not None
    assert not await store.delete("abcd2345")


async def test_a_deleted_id_is_free_again(store: RoomStore) -> None:
    await store.create(a_room(owner=ANN))
    await store.delete("abcd2345")
    assert await store.create(a_room(owner=BOB))


async def test_expired_lists_those_before_the_time_oldest_first(store: RoomStore) -> None:
    for room_id, expires_at in (("c", 30), ("a", 10), ("d", 40), ("b", 20)):
        await store.create(a_room(room_id, expires_at=expires_at))
    assert await store.expired(before=31, limit=10) == ["a", "b", "c"]
    assert await store.expired(before=30, limit=10) == ["a", "b"]
    assert await store.expired(before=10, limit=10) == []


async def test_expired_lists_no_more_than_asked_for(store: RoomStore) -> None:
    for expires_at in range(10):
        await store.create(a_room(f"room{expires_at}", expires_at=expires_at))
    assert await store.expired(before=100, limit=3) == ["room0", "room1", "room2"]


async def test_an_expired_room_is_still_found(store: RoomStore) -> None:
    await store.create(a_room(expires_at=1))
    assert await store.get("abcd2345") == a_room(expires_at=1)


async def test_closing_twice_is_harmless(store: RoomStore) -> None:
    await store.close()
    await store.close()

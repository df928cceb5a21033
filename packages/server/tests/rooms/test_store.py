"""The contract of a room store, which every implementation keeps."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from heliograph_server.rooms.model import Policy, RoomChanges
from heliograph_server.rooms.store import Position, RoomStore

from .samples import ANN, BOB, POLICY, a_room


async def test_a_room_is_found_as_it_was_created(store: RoomStore) -> None:
    assert await store.create(a_room())
    assert await store.get("abcd2345") == a_room()


async def test_what_can_be_said_of_a_room_at_once_is_true_at_once(store: RoomStore) -> None:
    """Or nothing can be said at once, ever: the store is elsewhere."""
    assert store.get_now("abcd2345") is None
    await store.create(a_room())
    at_once = store.get_now("abcd2345") is not None
    assert store.get_now("abcd2345") == (a_room() if at_once else None)
    await store.update("abcd2345", RoomChanges(token="another", policy=POLICY))
    changed = await store.get("abcd2345")
    assert changed is not None
    assert changed.token == "another"
    assert store.get_now("abcd2345") == (changed if at_once else None)
    await store.delete("abcd2345")
    assert store.get_now("abcd2345") is None
    await store.create(a_room(owner=BOB))
    assert store.get_now("abcd2345") == (a_room(owner=BOB) if at_once else None)


@pytest.mark.parametrize("room_id", ["", "' OR 1=1 --", "nul\0byte", "\ud800", "x" * 100_000])
async def test_nothing_can_be_said_at_once_of_what_is_no_room(store: RoomStore, room_id: str) -> None:
    await store.create(a_room())
    assert store.get_now(room_id) is None


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


@pytest.mark.parametrize("name", [None, "", "Größe 7 \0 🚀", "'; DROP TABLE rooms; --"])
@pytest.mark.parametrize("policy", [None, Policy(), Policy(signal={}), POLICY])
async def test_its_name_and_policy_are_kept(store: RoomStore, name: str | None, policy: Policy | None) -> None:
    await store.create(a_room(name=name, policy=policy))
    assert await store.get("abcd2345") == a_room(name=name, policy=policy)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"token": "new"},
        {"expires_at": 2**40},
        {"max_peers": 3},
        {"name": "lab"},
        {"name": None},
        {"policy": POLICY},
        {"policy": None},
        {"token": "new", "expires_at": 1, "max_peers": 1, "name": None, "policy": Policy(signal={})},
    ],
)
async def test_an_update_changes_what_it_names_and_nothing_else(store: RoomStore, changes: dict[str, Any]) -> None:
    before = a_room(name="before", policy=Policy(signal={"a": ["b"]}))
    await store.create(before)
    await store.create(a_room("other234"))
    after = replace(before, **changes)
    assert await store.update("abcd2345", RoomChanges(**changes)) == after
    assert await store.get("abcd2345") == after
    assert await store.get("other234") == a_room("other234")


async def test_a_room_that_is_not_there_is_not_updated(store: RoomStore) -> None:
    assert await store.update("abcd2345", RoomChanges(name="lab")) is None
    assert await store.update("abcd2345", RoomChanges()) is None
    assert await store.get("abcd2345") is None


async def test_of_two_updates_at_once_neither_undoes_the_other(store: RoomStore) -> None:
    await store.create(a_room())
    await asyncio.gather(
        *(store.update("abcd2345", RoomChanges(name=f"name {number}")) for number in range(10)),
        store.update("abcd2345", RoomChanges(token="rotated")),
        store.update("abcd2345", RoomChanges(expires_at=77_777)),
    )
    kept = await store.get("abcd2345")
    assert kept is not None
    assert (kept.token, kept.expires_at) == ("rotated", 77_777)


async def test_a_room_that_was_given_more_time_is_not_deleted_as_expired(store: RoomStore) -> None:
    await store.create(a_room(expires_at=100))
    assert not await store.delete("abcd2345", expired_before=100)
    assert await store.get("abcd2345") is not None
    assert await store.delete("abcd2345", expired_before=101)
    assert not await store.delete("abcd2345", expired_before=101)


async def test_an_owners_rooms_come_newest_first_page_by_page(store: RoomStore) -> None:
    ages = {"aaaa": 10, "bbbb": 30, "cccc": 20, "dddd": 20, "eeee": 20}
    for room_id, created_at in ages.items():
        await store.create(a_room(room_id, created_at=created_at, expires_at=1))
    await store.create(a_room("bobs", owner=BOB, created_at=25))
    await store.create(a_room("else", owner=replace(ANN, issuer="https://elsewhere"), created_at=25))
    listed: list[str] = []
    before: Position | None = None
    while page := await store.owned(ANN, before, limit=2):
        assert len(page) <= 2
        listed += [room.room_id for room in page]
        before = Position(page[-1].created_at, page[-1].room_id)
    assert listed == ["bbbb", "eeee", "dddd", "cccc", "aaaa"]
    assert await store.owned(BOB, None, limit=10) == [a_room("bobs", owner=BOB, created_at=25)]


async def test_expired_lists_those_before_the_time_oldest_first(store: RoomStore) -> None:
    for room_id, expires_at in (("c", 30), ("a", 10), ("d", 40), ("b", 20)):
        await store.create(a_room(room_id, expires_at=expires_at))
    assert await store.expired(before=31, limit=10) == swept(store, "a", "b", "c")
    assert await store.expired(before=30, limit=10) == swept(store, "a", "b")
    assert await store.expired(before=10, limit=10) == []


async def test_expired_lists_no_more_than_asked_for(store: RoomStore) -> None:
    for expires_at in range(10):
        await store.create(a_room(f"room{expires_at}", expires_at=expires_at))
    assert await store.expired(before=100, limit=3) == swept(store, "room0", "room1", "room2")


def swept(store: RoomStore, *room_ids: str) -> list[str]:
    """These, unless the store deletes them by itself."""
    return [] if store.deletes_expired else [*room_ids]


async def test_an_expired_room_is_still_found(store: RoomStore) -> None:
    await store.create(a_room(expires_at=1))
    assert await store.get("abcd2345") == a_room(expires_at=1)


async def test_closing_twice_is_harmless(store: RoomStore) -> None:
    await store.close()
    await store.close()

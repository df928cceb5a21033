"""The rules of rooms, over both stores."""

import pytest

from heliograph_server.errors import InvalidRoomToken, RoomExpired, RoomNotFound, StoreUnavailable
from heliograph_server.rooms.memory import MemoryRoomStore
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.service import (
    EXPIRED_ROOM_KEPT_S,
    ROOM_ID_ALPHABET,
    ROOM_TTL_S,
    SWEEP_BATCH,
    RoomService,
)
from heliograph_server.rooms.store import RoomStore

from .samples import ANN, a_room


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rooms(store: RoomStore, clock: Clock) -> RoomService:
    return RoomService(store, clock, max_peers=7)


async def test_a_new_room_can_be_read_out_and_its_token_not_guessed(rooms: RoomService) -> None:
    made = [await rooms.create(ANN) for _ in range(50)]
    for room in made:
        assert len(room.room_id) == 8
        assert set(room.room_id) <= set(ROOM_ID_ALPHABET)
        assert len(room.token) >= 32
    assert not set("01loi") & set(ROOM_ID_ALPHABET)
    assert len({room.room_id for room in made}) == len({room.token for room in made}) == 50


async def test_a_new_room_lives_two_hours(rooms: RoomService, clock: Clock) -> None:
    room = await rooms.create(ANN)
    assert (room.created_at, room.expires_at, room.owner, room.max_peers) == (1_000_000, 1_007_200, ANN, 7)


async def test_its_token_opens_a_room(rooms: RoomService) -> None:
    room = await rooms.create(ANN)
    assert await rooms.admit(room.room_id, room.token) == room


@pytest.mark.parametrize("token", ["", "wrong", "t" * 32, "é", "\0"])
async def test_no_other_token_does(rooms: RoomService, token: str) -> None:
    room = await rooms.create(ANN)
    with pytest.raises(InvalidRoomToken):
        await rooms.admit(room.room_id, token)


async def test_another_rooms_token_does_not(rooms: RoomService) -> None:
    room, other = await rooms.create(ANN), await rooms.create(ANN)
    with pytest.raises(InvalidRoomToken):
        await rooms.admit(room.room_id, other.token)


async def test_an_unknown_room_is_not_found_whatever_the_token(rooms: RoomService) -> None:
    with pytest.raises(RoomNotFound):
        await rooms.admit("zzzzzzzz", "")


async def test_the_door_closes_at_the_second_of_expiry(rooms: RoomService, clock: Clock) -> None:
    room = await rooms.create(ANN)
    clock.now = room.expires_at - 0.01
    await rooms.admit(room.room_id, room.token)
    clock.now = room.expires_at
    with pytest.raises(RoomExpired):
        await rooms.admit(room.room_id, room.token)


async def test_of_an_expired_room_a_wrong_token_learns_nothing(rooms: RoomService, clock: Clock) -> None:
    room = await rooms.create(ANN)
    clock.now = room.expires_at
    with pytest.raises(InvalidRoomToken):
        await rooms.admit(room.room_id, "wrong")


async def test_an_expired_room_goes_after_an_hour(rooms: RoomService, clock: Clock) -> None:
    room = await rooms.create(ANN)
    clock.now = room.expires_at + EXPIRED_ROOM_KEPT_S
    assert await rooms.sweep(lambda _: False) == 0
    clock.now += 1
    assert await rooms.sweep(lambda _: False) == 1
    with pytest.raises(RoomNotFound):
        await rooms.admit(room.room_id, room.token)


async def test_an_expired_room_stays_while_someone_is_in_it(rooms: RoomService, clock: Clock) -> None:
    room = await rooms.create(ANN)
    clock.now += ROOM_TTL_S + 2 * EXPIRED_ROOM_KEPT_S
    assert await rooms.sweep(lambda room_id: room_id == room.room_id) == 0
    assert await rooms.find(room.room_id) == room
    assert await rooms.sweep(lambda _: False) == 1


async def test_rooms_in_use_do_not_keep_the_others_from_being_swept(rooms: RoomService, store: RoomStore) -> None:
    in_use = {f"used{number}" for number in range(SWEEP_BATCH + 5)}
    for room_id in in_use:
        await store.create(a_room(room_id, expires_at=10))
    for number in range(SWEEP_BATCH + 5):
        await store.create(a_room(f"empty{number}", expires_at=20))
    assert await rooms.sweep(in_use.__contains__) == SWEEP_BATCH + 5
    assert set(await store.expired(before=30, limit=1_000)) == in_use


class CrowdedStore(MemoryRoomStore):
    """Every id but the last few is taken."""

    def __init__(self, collisions: int) -> None:
        super().__init__()
        self.collisions = collisions

    async def create(self, room: Room) -> bool:
        self.collisions -= 1
        return self.collisions < 0 and await super().create(room)


async def test_a_taken_id_is_not_given_again(clock: Clock) -> None:
    store = CrowdedStore(collisions=3)
    room = await RoomService(store, clock, max_peers=7).create(ANN)
    assert await store.get(room.room_id) == room


async def test_the_search_for_a_free_id_ends(clock: Clock) -> None:
    with pytest.raises(StoreUnavailable):
        await RoomService(CrowdedStore(collisions=1_000_000), clock, max_peers=7).create(ANN)

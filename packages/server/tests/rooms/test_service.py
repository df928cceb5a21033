"""The rules of rooms, over all stores."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from heliograph_server.errors import InvalidRequest, InvalidRoomToken, RoomExpired, RoomNotFound, StoreUnavailable
from heliograph_server.identity.signing import SigningKey
from heliograph_server.rooms.invitations import Invitation, JoinTokens
from heliograph_server.rooms.memory import MemoryRoomStore
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.service import (
    EXPIRED_ROOM_KEPT_S,
    MAX_ROOM_TTL_S,
    MIN_ROOM_TTL_S,
    ROOM_ID_ALPHABET,
    ROOM_TTL_S,
    SWEEP_BATCH,
    RoomService,
    Update,
)
from heliograph_server.rooms.store import RoomStore

from .samples import ANN, POLICY, a_room

INVITATION = Invitation(role="worker", peer_id=None, groups=None, grants=frozenset({"signal"}))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.5

    def __call__(self) -> float:
        return self.now


def service(store: RoomStore, clock: Clock, data_dir: Path) -> RoomService:
    return RoomService(store, clock, max_peers=7, join_tokens=JoinTokens(SigningKey.load(data_dir), clock))


def occupied(*room_ids: str) -> Callable[[Sequence[str]], Awaitable[set[str]]]:
    """These rooms are in use."""

    async def of(asked: Sequence[str]) -> set[str]:
        return set(asked) & set(room_ids)

    return of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rooms(store: RoomStore, clock: Clock, tmp_path: Path) -> RoomService:
    return service(store, clock, tmp_path)


@pytest.fixture
def swept_rooms(swept_store: RoomStore, clock: Clock, tmp_path: Path) -> RoomService:
    return service(swept_store, clock, tmp_path)


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
    assert await rooms.admit(room.room_id, room.token) == (room, None)


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


async def test_an_expired_room_goes_after_an_hour(swept_rooms: RoomService, clock: Clock) -> None:
    room = await swept_rooms.create(ANN)
    clock.now = room.expires_at + EXPIRED_ROOM_KEPT_S
    assert await swept_rooms.sweep(occupied()) == 0
    clock.now += 1
    assert await swept_rooms.sweep(occupied()) == 1
    with pytest.raises(RoomNotFound):
        await swept_rooms.admit(room.room_id, room.token)


async def test_an_expired_room_stays_while_someone_is_in_it(swept_rooms: RoomService, clock: Clock) -> None:
    room = await swept_rooms.create(ANN)
    clock.now += ROOM_TTL_S + 2 * EXPIRED_ROOM_KEPT_S
    assert await swept_rooms.sweep(occupied(room.room_id)) == 0
    assert await swept_rooms.find(room.room_id) == room
    assert await swept_rooms.sweep(occupied()) == 1


async def test_rooms_in_use_do_not_keep_the_others_from_being_swept(
    swept_rooms: RoomService, swept_store: RoomStore
) -> None:
    in_use = {f"used{number}" for number in range(SWEEP_BATCH + 5)}
    for room_id in in_use:
        await swept_store.create(a_room(room_id, expires_at=10))
    for number in range(SWEEP_BATCH + 5):
        await swept_store.create(a_room(f"empty{number}", expires_at=20))
    assert await swept_rooms.sweep(occupied(*in_use)) == SWEEP_BATCH + 5
    assert set(await swept_store.expired(before=30, limit=1_000)) == in_use


class CrowdedStore(MemoryRoomStore):
    """Every id but the last few is taken."""

    def __init__(self, collisions: int) -> None:
        super().__init__()
        self.collisions = collisions

    async def create(self, room: Room) -> bool:
        self.collisions -= 1
        return self.collisions < 0 and await super().create(room)


async def test_a_taken_id_is_not_given_again(clock: Clock, tmp_path: Path) -> None:
    store = CrowdedStore(collisions=3)
    room = await service(store, clock, tmp_path).create(ANN)
    assert await store.get(room.room_id) == room


async def test_the_search_for_a_free_id_ends(clock: Clock, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await service(CrowdedStore(collisions=1_000_000), clock, tmp_path).create(ANN)


async def test_a_room_is_as_its_creator_wants_it(rooms: RoomService) -> None:
    room = await rooms.create(ANN, name="lab", ttl_s=600, max_peers=2, policy=POLICY)
    assert (room.name, room.expires_at, room.max_peers, room.policy) == ("lab", 1_000_600, 2, POLICY)
    assert await rooms.find(room.room_id) == room


@pytest.mark.parametrize("ttl_s", [MIN_ROOM_TTL_S - 1, MAX_ROOM_TTL_S + 1, 0, -1, 10**30])
async def test_a_time_out_of_bounds_is_refused(rooms: RoomService, ttl_s: int) -> None:
    with pytest.raises(InvalidRequest, match="ttl_s"):
        await rooms.create(ANN, ttl_s=ttl_s)
    room = await rooms.create(ANN)
    with pytest.raises(InvalidRequest, match="ttl_s"):
        await rooms.update(room.room_id, Update(ttl_s=ttl_s))
    assert await rooms.find(room.room_id) == room


@pytest.mark.parametrize("ttl_s", [MIN_ROOM_TTL_S, MAX_ROOM_TTL_S])
async def test_the_bounds_of_a_time_are_within(rooms: RoomService, ttl_s: int) -> None:
    room = await rooms.create(ANN, ttl_s=ttl_s)
    assert room.expires_at == 1_000_000 + ttl_s


@pytest.mark.parametrize("max_peers", [0, -1, 8, 10**30])
async def test_a_size_that_the_server_does_not_allow_is_refused(rooms: RoomService, max_peers: int) -> None:
    with pytest.raises(InvalidRequest, match="max_peers"):
        await rooms.create(ANN, max_peers=max_peers)
    room = await rooms.create(ANN)
    with pytest.raises(InvalidRequest, match="max_peers"):
        await rooms.update(room.room_id, Update(max_peers=max_peers))


async def test_more_time_counts_from_now_and_revives(rooms: RoomService, clock: Clock) -> None:
    room = await rooms.create(ANN)
    clock.now = room.expires_at + EXPIRED_ROOM_KEPT_S
    revived = await rooms.update(room.room_id, Update(ttl_s=600))
    assert revived.expires_at == int(clock.now) + 600
    assert await rooms.admit(room.room_id, room.token) == (revived, None)


async def test_a_room_revived_while_the_expired_are_swept_stays(
    rooms: RoomService, store: RoomStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await rooms.create(ANN)
    clock.now = room.expires_at + EXPIRED_ROOM_KEPT_S + 1
    expired = store.expired

    async def expired_and_revived(before: int, limit: int) -> list[str]:
        ended = await expired(before, limit)
        await rooms.update(room.room_id, Update(ttl_s=600))
        return ended

    monkeypatch.setattr(store, "expired", expired_and_revived)
    assert await rooms.sweep(occupied()) == 0
    await rooms.admit(room.room_id, room.token)


async def test_a_new_token_opens_and_the_old_ones_do_not(rooms: RoomService) -> None:
    room = await rooms.create(ANN, name="lab")
    join_token, _ = rooms.invite(room, INVITATION, None)
    assert (await rooms.admit(room.room_id, join_token))[1] == INVITATION
    rotated = await rooms.rotate_token(room.room_id)
    assert rotated == replace(room, token=rotated.token)
    assert len(rotated.token) >= 32
    await rooms.admit(room.room_id, rotated.token)
    for old in (room.token, join_token):
        with pytest.raises(InvalidRoomToken):
            await rooms.admit(room.room_id, old)
    again, _ = rooms.invite(rotated, INVITATION, None)
    assert await rooms.admit(room.room_id, again) == (rotated, INVITATION)


async def test_a_join_token_lasts_as_long_as_the_room_unless_told_otherwise(rooms: RoomService, clock: Clock) -> None:
    room = await rooms.create(ANN)
    clock.now += 100
    assert rooms.invite(room, INVITATION, None)[1] == room.expires_at
    assert rooms.invite(room, INVITATION, 5)[1] == int(clock.now) + 5


async def test_an_expired_join_token_is_no_token(rooms: RoomService, clock: Clock) -> None:
    room = await rooms.create(ANN)
    token, expires_at = rooms.invite(room, INVITATION, 5)
    clock.now = expires_at
    with pytest.raises(InvalidRoomToken):
        await rooms.admit(room.room_id, token)


async def test_a_join_token_does_not_outlive_the_rooms_time(rooms: RoomService, clock: Clock) -> None:
    room = await rooms.create(ANN)
    token, _ = rooms.invite(room, INVITATION, ROOM_TTL_S + 600)
    clock.now = room.expires_at
    with pytest.raises(RoomExpired):
        await rooms.admit(room.room_id, token)
    await rooms.update(room.room_id, Update(ttl_s=600))
    await rooms.admit(room.room_id, token)


async def test_nobody_is_invited_to_an_expired_room(rooms: RoomService, clock: Clock) -> None:
    room = await rooms.create(ANN)
    clock.now = room.expires_at
    with pytest.raises(RoomExpired):
        rooms.invite(room, INVITATION, 60)


async def test_a_room_that_is_not_there_is_not_changed(rooms: RoomService) -> None:
    with pytest.raises(RoomNotFound):
        await rooms.update("zzzzzzzz", Update(name="lab"))
    with pytest.raises(RoomNotFound):
        await rooms.rotate_token("zzzzzzzz")


async def test_the_list_says_where_it_goes_on_and_where_it_ends(rooms: RoomService, clock: Clock) -> None:
    made = []
    for _ in range(4):
        made.append(await rooms.create(ANN))
        clock.now += 1
    page, rest = await rooms.list_owned(ANN, None, 2)
    assert page == [made[3], made[2]]
    assert rest is not None
    page, rest = await rooms.list_owned(ANN, rest, 2)
    assert (page, rest) == ([made[1], made[0]], None)

"""The rules of rooms: how one comes to be, who gets in, when it goes."""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from heliograph_server.errors import InvalidRequest, RoomExpired, RoomNotFound, StoreUnavailable
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.invitations import Invitation, JoinTokens
from heliograph_server.rooms.model import Policy, Room, RoomChanges
from heliograph_server.rooms.store import Position, RoomStore

__all__ = [
    "EXPIRED_ROOM_KEPT_S",
    "MAX_ROOM_TTL_S",
    "MIN_ROOM_TTL_S",
    "ROOM_ID_ALPHABET",
    "ROOM_ID_CHARS",
    "ROOM_TTL_S",
    "Admission",
    "RoomService",
    "Update",
]

ROOM_TTL_S: Final = 7200
MIN_ROOM_TTL_S: Final = 60
MAX_ROOM_TTL_S: Final = 30 * 24 * 3600

EXPIRED_ROOM_KEPT_S: Final = 3600
"""How long it can still be said of a room that it has expired."""

ROOM_ID_CHARS: Final = 8

ROOM_ID_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Lower-case letters and digits without 0 and o, 1, l and i, which a person mistakes for one another."""

TOKEN_BYTES: Final = 24

MAX_ID_ATTEMPTS: Final = 8
"""With 31^8 ids, a second attempt is rare even among a million rooms."""

SWEEP_BATCH: Final = 100


Admission = tuple[Room, Invitation | None]
"""A room, and what the join token pins that opened it."""


class Update(Struct, frozen=True, kw_only=True):
    """What the creator wants to be different. `ttl_s` counts from now, and so revives an expired room."""

    name: str | UnsetType | None = UNSET
    ttl_s: int | UnsetType = UNSET
    max_peers: int | UnsetType = UNSET
    policy: Policy | UnsetType | None = UNSET


class RoomService:
    """Rooms, as the rest of the server sees them. Every method raises `StoreUnavailable`. `clock` is Unix seconds."""

    def __init__(
        self, store: RoomStore, clock: Callable[[], float], max_peers: int, *, join_tokens: JoinTokens
    ) -> None:
        self._store = store
        self._clock = clock
        self._max_peers = max_peers
        self._join_tokens = join_tokens

    async def create(
        self,
        owner: User,
        *,
        name: str | None = None,
        ttl_s: int | None = None,
        max_peers: int | None = None,
        policy: Policy | None = None,
    ) -> Room:
        """A new room of that owner's. Raises `InvalidRequest`."""
        now = int(self._clock())
        room = Room(
            room_id="",
            token=_new_token(),
            owner=owner,
            created_at=now,
            expires_at=now + _checked_ttl(ROOM_TTL_S if ttl_s is None else ttl_s),
            max_peers=self._max_peers if max_peers is None else self._checked_size(max_peers),
            name=name,
            policy=policy,
        )
        for _ in range(MAX_ID_ATTEMPTS):
            room_id = "".join(secrets.choice(ROOM_ID_ALPHABET) for _ in range(ROOM_ID_CHARS))
            room = replace(room, room_id=room_id)
            if await self._store.create(room):
                return room
        raise StoreUnavailable("No free room id was found")

    async def find(self, room_id: str) -> Room | None:
        """The room, expired or not."""
        return await self._store.get(room_id)

    async def list_owned(self, owner: User, before: Position | None, limit: int) -> tuple[list[Room], Position | None]:
        """At most `limit` of that owner's rooms, newest first, and where the rest begins, None if that was all."""
        rooms = await self._store.owned(owner, before, limit + 1)
        page = rooms[:limit]
        return page, Position(page[-1].created_at, page[-1].room_id) if len(rooms) > limit else None

    async def update(self, room_id: str, update: Update) -> Room:
        """The room as it is then. Raises `InvalidRequest`, `RoomNotFound`."""
        changes = RoomChanges(
            name=update.name,
            policy=update.policy,
            expires_at=UNSET if update.ttl_s is UNSET else int(self._clock()) + _checked_ttl(update.ttl_s),
            max_peers=UNSET if update.max_peers is UNSET else self._checked_size(update.max_peers),
        )
        return await self._changed(room_id, changes)

    async def rotate_token(self, room_id: str) -> Room:
        """The room with a new token: neither the old one nor any join token opens it any more.

        Raises `RoomNotFound`.
        """
        return await self._changed(room_id, RoomChanges(token=_new_token()))

    def invite(self, room: Room, invitation: Invitation, ttl_s: int | None) -> tuple[str, int]:
        """A join token, and when it ends; by default when the room does, as things are.

        Raises `RoomExpired`, `InvalidRequest`.
        """
        left_s = room.expires_at - int(self._clock())
        if left_s <= 0:
            raise RoomExpired(f"Room {room.room_id} has expired: give it more time first")
        try:
            return self._join_tokens.mint(
                room,
                role=invitation.role,
                peer_id=invitation.peer_id,
                groups=invitation.groups,
                grants=invitation.grants,
                ttl_s=left_s if ttl_s is None else ttl_s,
            )
        except ValueError as error:
            raise InvalidRequest("That is too much for one token") from error

    def admit_now(self, room_id: str, token: str) -> Admission | None:
        """What `admit` gives, or raises, if that can be said without waiting; None if not."""
        room = self._store.get_now(room_id)
        return None if room is None else self._opened(room, token)

    async def admit(self, room_id: str, token: str) -> Admission:
        """The room, if that token opens it now, and what the token pins: None for the room's own token.

        Raises `RoomNotFound`, `InvalidRoomToken`, `RoomExpired`: the first that applies, in that order.
        After the store has answered nothing else is awaited, so that who joins at once joins a room that is there.
        """
        room = self._store.get_now(room_id) or await self._store.get(room_id)
        if room is None:
            raise RoomNotFound(f"There is no room {room_id}")
        return self._opened(room, token)

    async def delete(self, room_id: str) -> bool:
        """Forget a room; False if there was none."""
        return await self._store.delete(room_id)

    async def sweep(self, occupied: Callable[[Sequence[str]], Awaitable[Container[str]]]) -> int:
        """Forget the rooms that expired more than `EXPIRED_ROOM_KEPT_S` ago and have nobody in them; how many."""
        before = int(self._clock()) - EXPIRED_ROOM_KEPT_S
        removed = 0
        limit = SWEEP_BATCH
        while True:
            ended = await self._store.expired(before, limit)
            in_use = await occupied(ended)
            empty = [room_id for room_id in ended if room_id not in in_use]
            for room_id in empty:
                removed += await self._store.delete(room_id, expired_before=before)  # one may have been revived
            if len(ended) < limit:
                return removed
            limit = SWEEP_BATCH + len(ended) - len(empty)  # those in use stay in front of the rest

    def _opened(self, room: Room, token: str) -> Admission:
        invitation = None
        if not hmac.compare_digest(room.token.encode(), token.encode()):
            invitation = self._join_tokens.read(token, room)
        if self._clock() >= room.expires_at:
            raise RoomExpired(f"Room {room.room_id} has expired")
        return room, invitation

    async def _changed(self, room_id: str, changes: RoomChanges) -> Room:
        room = await self._store.update(room_id, changes)
        if room is None:
            raise RoomNotFound(f"There is no room {room_id}")
        return room

    def _checked_size(self, max_peers: int) -> int:
        if not 1 <= max_peers <= self._max_peers:
            raise InvalidRequest(f"max_peers: Expected a whole number from 1 to {self._max_peers}")
        return max_peers


def _checked_ttl(ttl_s: int) -> int:
    if not MIN_ROOM_TTL_S <= ttl_s <= MAX_ROOM_TTL_S:
        raise InvalidRequest(f"ttl_s: Expected a whole number of seconds from {MIN_ROOM_TTL_S} to {MAX_ROOM_TTL_S}")
    return ttl_s


def _new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)

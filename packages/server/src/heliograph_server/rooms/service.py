"""The rules of rooms: how one comes to be, who gets in, when it goes."""

import hmac
import secrets
from collections.abc import Callable
from typing import Final

from heliograph_server.errors import InvalidRoomToken, RoomExpired, RoomNotFound, StoreUnavailable
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.store import RoomStore

__all__ = ["EXPIRED_ROOM_KEPT_S", "ROOM_ID_ALPHABET", "ROOM_ID_CHARS", "ROOM_TTL_S", "RoomService"]

ROOM_TTL_S: Final = 7200

EXPIRED_ROOM_KEPT_S: Final = 3600
"""How long it can still be said of a room that it has expired."""

ROOM_ID_CHARS: Final = 8

ROOM_ID_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Lower-case letters and digits without 0 and o, 1, l and i, which a person mistakes for one another."""

TOKEN_BYTES: Final = 24

MAX_ID_ATTEMPTS: Final = 8
"""With 31^8 ids, a second attempt is rare even among a million rooms."""

SWEEP_BATCH: Final = 100


class RoomService:
    """Rooms, as the rest of the server sees them. Every method raises `StoreUnavailable`. `clock` is Unix seconds."""

    def __init__(self, store: RoomStore, clock: Callable[[], float], max_peers: int) -> None:
        self._store = store
        self._clock = clock
        self._max_peers = max_peers

    async def create(self, owner: User) -> Room:
        """A new room of that owner's."""
        now = int(self._clock())
        for _ in range(MAX_ID_ATTEMPTS):
            room = Room(
                room_id="".join(secrets.choice(ROOM_ID_ALPHABET) for _ in range(ROOM_ID_CHARS)),
                token=secrets.token_urlsafe(TOKEN_BYTES),
                owner=owner,
                created_at=now,
                expires_at=now + ROOM_TTL_S,
                max_peers=self._max_peers,
            )
            if await self._store.create(room):
                return room
        raise StoreUnavailable("No free room id was found")

    async def find(self, room_id: str) -> Room | None:
        """The room, expired or not."""
        return await self._store.get(room_id)

    async def admit(self, room_id: str, token: str) -> Room:
        """The room, if that token opens it now.

        Raises `RoomNotFound`, `InvalidRoomToken`, `RoomExpired`: the first that applies, in that order.
        After the store has answered nothing else is awaited, so that who joins at once joins a room that is there.
        """
        room = await self._store.get(room_id)
        if room is None:
            raise RoomNotFound(f"There is no room {room_id}")
        if not hmac.compare_digest(room.token.encode(), token.encode()):
            raise InvalidRoomToken(f"That is not the token of room {room_id}")
        if self._clock() >= room.expires_at:
            raise RoomExpired(f"Room {room_id} has expired")
        return room

    async def delete(self, room_id: str) -> bool:
        """Forget a room; False if there was none."""
        return await self._store.delete(room_id)

    async def sweep(self, occupied: Callable[[str], bool]) -> int:
        """Forget the rooms that expired more than `EXPIRED_ROOM_KEPT_S` ago and have nobody in them; how many."""
        before = int(self._clock()) - EXPIRED_ROOM_KEPT_S
        removed = 0
        limit = SWEEP_BATCH
        while True:
            ended = await self._store.expired(before, limit)
            empty = [room_id for room_id in ended if not occupied(room_id)]
            for room_id in empty:
                removed += await self._store.delete(room_id)
            if len(ended) < limit:
                return removed
            limit = SWEEP_BATCH + len(ended) - len(empty)  # those in use stay in front of the rest

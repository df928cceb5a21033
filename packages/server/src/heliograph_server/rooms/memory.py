"""Rooms in memory: for tests, and for servers whose rooms may end with the process."""

from msgspec import UNSET
from msgspec.structs import asdict, replace

from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Room, RoomChanges
from heliograph_server.rooms.store import Position

__all__ = ["MemoryRoomStore"]


class MemoryRoomStore:
    """A `RoomStore` that forgets everything at exit and never fails."""

    deletes_expired = False

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    async def create(self, room: Room) -> bool:
        """Keep a new room; False if a room with that id exists."""
        return self._rooms.setdefault(room.room_id, room) is room

    def get_now(self, room_id: str) -> Room | None:
        """See `RoomStore.get_now`."""
        return self._rooms.get(room_id)

    async def get(self, room_id: str) -> Room | None:
        """The room, expired or not."""
        return self._rooms.get(room_id)

    async def update(self, room_id: str, changes: RoomChanges) -> Room | None:
        """The room as it is after these changes, None if there is none."""
        room = self._rooms.get(room_id)
        if room is not None:
            given = {name: value for name, value in asdict(changes).items() if value is not UNSET}
            room = self._rooms[room_id] = replace(room, **given)
        return room

    async def delete(self, room_id: str, *, expired_before: int | None = None) -> bool:
        """Forget a room; False if there was none, or none that expired by then."""
        room = self._rooms.get(room_id)
        if room is None or (expired_before is not None and room.expires_at >= expired_before):
            return False
        del self._rooms[room_id]
        return True

    async def owned(self, owner: User, before: Position | None, limit: int) -> list[Room]:
        """That owner's rooms, newest first."""
        rooms = [
            room
            for room in self._rooms.values()
            if room.owner == owner and (before is None or _position(room) < before)
        ]
        return sorted(rooms, key=_position, reverse=True)[:limit]

    async def expired(self, before: int, limit: int) -> list[str]:
        """Ids of rooms that expired before that time, oldest first."""
        ended = sorted((room.expires_at, room.room_id) for room in self._rooms.values() if room.expires_at < before)
        return [room_id for _, room_id in ended[:limit]]

    async def close(self) -> None:
        """Nothing is held."""


def _position(room: Room) -> Position:
    return Position(room.created_at, room.room_id)

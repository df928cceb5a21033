"""Rooms in memory: for tests, and for servers whose rooms may end with the process."""

from heliograph_server.rooms.model import Room

__all__ = ["MemoryRoomStore"]


class MemoryRoomStore:
    """A `RoomStore` that forgets everything at exit and never fails."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    async def create(self, room: Room) -> bool:
        """Keep a new room; False if a room with that id exists."""
        return self._rooms.setdefault(room.room_id, room) is room

    async def get(self, room_id: str) -> Room | None:
        """The room, expired or not."""
        return self._rooms.get(room_id)

    async def delete(self, room_id: str) -> bool:
        """Forget a room; False if there was none."""
        return self._rooms.pop(room_id, None) is not None

    async def expired(self, before: int, limit: int) -> list[str]:
        """Ids of rooms that expired before that time, oldest first."""
        ended = sorted((room.expires_at, room.room_id) for room in self._rooms.values() if room.expires_at < before)
        return [room_id for _, room_id in ended[:limit]]

    async def close(self) -> None:
        """Nothing is held."""

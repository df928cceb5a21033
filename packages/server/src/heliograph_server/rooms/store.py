"""The contract of a room store. Every implementation passes the same tests."""

from typing import Protocol

from heliograph_server.rooms.model import Room

__all__ = ["RoomStore"]


class RoomStore(Protocol):
    """Keeps rooms. Every method raises `StoreUnavailable` when it cannot know or do what it was asked."""

    async def create(self, room: Room) -> bool:
        """Keep a new room; False if a room with that id exists, which is left as it is."""

    async def get(self, room_id: str) -> Room | None:
        """The room as it is now, expired or not."""

    async def delete(self, room_id: str) -> bool:
        """Forget a room; False if there was none."""

    async def expired(self, before: int, limit: int) -> list[str]:
        """Ids of at most `limit` rooms whose `expires_at` is less than `before`, oldest first."""

    async def close(self) -> None:
        """Let go of files and connections."""

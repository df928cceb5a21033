"""The contract of a room store. Every implementation passes the same tests."""

from typing import Protocol

from msgspec import Struct

from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Room, RoomChanges

__all__ = ["Position", "RoomStore"]


class Position(Struct, frozen=True, order=True):
    """Where a room stands among its owner's."""

    created_at: int
    room_id: str


class RoomStore(Protocol):
    """Keeps rooms. Every method raises `StoreUnavailable` when it cannot know or do what it was asked."""

    @property
    def deletes_expired(self) -> bool:
        """Whether rooms that have expired go by themselves, after more than an hour; then `expired` names none."""

    async def create(self, room: Room) -> bool:
        """Keep a new room; False if a room with that id exists, which is left as it is."""

    def get_now(self, room_id: str) -> Room | None:
        """The room as it is now, if that can be said without waiting. None says nothing: then ask `get`."""

    async def get(self, room_id: str) -> Room | None:
        """The room as it is now, expired or not."""

    async def update(self, room_id: str, changes: RoomChanges) -> Room | None:
        """The room as it is after these changes, None if there is none.

        Of two callers at once neither undoes what the other changed, unless both change the same.
        """

    async def delete(self, room_id: str, *, expired_before: int | None = None) -> bool:
        """Forget a room, or only if its `expires_at` is less than `expired_before`; False if there was none such."""

    async def owned(self, owner: User, before: Position | None, limit: int) -> list[Room]:
        """At most `limit` of that owner's rooms, newest first, expired ones too; those that stand before `before`."""

    async def expired(self, before: int, limit: int) -> list[str]:
        """Ids of at most `limit` rooms that the caller is to delete: `expires_at` less than `before`, oldest first."""

    async def close(self) -> None:
        """Let go of files and connections."""

"""Who may see a room over HTTP, and who may change it."""

from heliograph_server.errors import NotPermitted, RoomNotFound
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.service import RoomService
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.member import Member

__all__ = ["RoomAccess"]

NO_SUCH_ROOM = "There is no such room, or you are not in it"
"""One answer for both, word for word: nobody learns from outside which rooms there are."""


class RoomAccess:
    """A caller's rights in rooms: its creator may do all, and so may a peer with the `manage` grant."""

    def __init__(self, rooms: RoomService, hub: Hub, caller: User) -> None:
        self._rooms = rooms
        self._hub = hub
        self._caller = caller

    async def seen(self, room_id: str) -> Room:
        """A room that the caller created or has a peer in. Raises `RoomNotFound`."""
        room = await self._rooms.find(room_id)
        inside = self._hub.has_user(room_id, self._caller)
        if room is None or not (inside or self.owns(room)):
            raise RoomNotFound(NO_SUCH_ROOM)
        return room

    async def managed(self, room_id: str) -> Room:
        """A room that the caller may change. Raises `RoomNotFound`, `NotPermitted`."""
        room = await self.seen(room_id)
        if not self.manages(room):
            raise NotPermitted("Only the room's creator, or a peer with the `manage` grant, may do that")
        return room

    def owns(self, room: Room) -> bool:
        """Whether the caller created the room."""
        return room.owner == self._caller

    def manages(self, room: Room) -> bool:
        """Whether the caller may do what the room's creator may."""
        return self.owns(room) or self._hub.user_may_manage(room.room_id, self._caller)

    def visible_members(self, room: Room) -> list[Member]:
        """Those whom the caller may see: all if it manages the room, else who shares a group with one of its peers.

        Raises `NotPermitted` if none of its peers may discover others.
        """
        members = self._hub.members(room.room_id)
        if self.manages(room):
            return members
        own = [member for member in members if member.user == self._caller and "discover" in member.grants]
        if not own:
            raise NotPermitted("None of your peers in this room has the `discover` grant")
        groups = frozenset[str]().union(*(member.groups for member in own))
        return [member for member in members if member.user == self._caller or not groups.isdisjoint(member.groups)]

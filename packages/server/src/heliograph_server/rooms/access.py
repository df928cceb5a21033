"""Who may see a room over HTTP, and who may change it."""

from heliograph_protocol import Peer
from heliograph_server.errors import NotPermitted, RoomNotFound
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.census import Census, Occupant
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.service import RoomService

__all__ = ["RoomAccess"]

NO_SUCH_ROOM = "There is no such room, or you are not in it"
"""One answer for both, word for word: nobody learns from outside which rooms there are."""


class RoomAccess:
    """A caller's rights in rooms: its creator may do all, and so may a peer with the `manage` grant."""

    def __init__(self, rooms: RoomService, census: Census, caller: User) -> None:
        self._rooms = rooms
        self._census = census
        self._caller = caller

    async def seen(self, room_id: str) -> Room:
        """A room that the caller created or has a peer in. Raises `RoomNotFound`."""
        room = await self._rooms.find(room_id)
        if room is None or not (self.owns(room) or await self._own(room_id)):
            raise RoomNotFound(NO_SUCH_ROOM)
        return room

    async def managed(self, room_id: str) -> Room:
        """A room that the caller may change. Raises `RoomNotFound`, `NotPermitted`."""
        room = await self._rooms.find(room_id)
        own = [] if room is None or self.owns(room) else await self._own(room_id)
        if room is None or not (self.owns(room) or own):
            raise RoomNotFound(NO_SUCH_ROOM)
        if not self.owns(room) and not _may_manage(own):
            raise NotPermitted("Only the room's creator, or a peer with the `manage` grant, may do that")
        return room

    def owns(self, room: Room) -> bool:
        """Whether the caller created the room."""
        return room.owner == self._caller

    async def visible(self, room: Room) -> list[Peer]:
        """Those whom the caller may see: all if it manages the room, else who shares a group with one of its peers.

        Raises `NotPermitted` if none of its peers may discover others.
        """
        everyone = await self._census.occupants(room.room_id)
        own = [occupant for occupant in everyone if occupant.user == self._caller]
        if self.owns(room) or _may_manage(own):
            return [occupant.peer for occupant in everyone]
        seeing = [occupant for occupant in own if "discover" in occupant.grants]
        if not seeing:
            raise NotPermitted("None of your peers in this room has the `discover` grant")
        groups = frozenset[str]().union(*(occupant.peer.groups for occupant in seeing))
        return [
            occupant.peer
            for occupant in everyone
            if occupant.user == self._caller or not groups.isdisjoint(occupant.peer.groups)
        ]

    async def _own(self, room_id: str) -> list[Occupant]:
        """The caller's peers in a room."""
        return [occupant for occupant in await self._census.occupants(room_id) if occupant.user == self._caller]


def _may_manage(own: list[Occupant]) -> bool:
    return any("manage" in occupant.grants for occupant in own)

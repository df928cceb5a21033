"""Removing peers and rooms at someone's request."""

from enum import StrEnum

from heliograph_server.errors import NotPermitted
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.census import Census, Occupant
from heliograph_server.rooms.service import RoomService

__all__ = ["Removal", "RemovalStatus"]


class RemovalStatus(StrEnum):
    """How it went, in the original's words."""

    REMOVED = "peer deleted successfully"
    NO_PEER = "peer not found"
    NO_ROOM = "room not found"


class Removal:
    """Takes peers and rooms away: everything for the room's creator, their own peer for others.

    A room leaves the store before its peers are put out: who registers meanwhile is put out with them.
    """

    def __init__(self, rooms: RoomService, census: Census) -> None:
        self._rooms = rooms
        self._census = census

    async def everywhere(self, caller: User, peer_id: str) -> RemovalStatus:
        """Remove the peers of that id, in all rooms, that the caller may remove.

        Raises `NotPermitted` if there are such peers but not one that the caller may remove.
        """
        found = await self._census.find(peer_id)
        if not found:
            return RemovalStatus.NO_PEER
        removed = [await self._remove(caller, occupant) for occupant in found]
        if not any(removed):
            raise NotPermitted(f"Neither the peer {peer_id} nor its room is yours")
        return RemovalStatus.REMOVED

    async def from_room(self, caller: User, peer_id: str, room_id: str) -> RemovalStatus:
        """Remove that peer of one room; its creator's call ends the room, with or without such a peer in it.

        Raises `NotPermitted` if the peer is there and neither it nor the room is the caller's.
        """
        room = await self._rooms.find(room_id)
        if room is None:
            return RemovalStatus.NO_ROOM
        occupants = await self._census.occupants(room_id)
        occupant = next((occupant for occupant in occupants if occupant.peer.peer_id == peer_id), None)
        if room.owner == caller:
            await self._end_room(room_id, caller)
        elif occupant is not None and not await self._remove(caller, occupant):
            raise NotPermitted(f"Neither the peer {peer_id} nor its room is yours")
        return RemovalStatus.NO_PEER if occupant is None else RemovalStatus.REMOVED

    async def by_anyone(self, peer_id: str, room_id: str | None) -> RemovalStatus:
        """As the original did it: the first room with such a peer goes, with everyone in it, whoever asks."""
        if room_id is not None and await self._rooms.find(room_id) is None:
            return RemovalStatus.NO_ROOM
        found = [occupant for occupant in await self._census.find(peer_id) if room_id in (None, occupant.room_id)]
        if not found:
            return RemovalStatus.NO_PEER
        room = await self._rooms.find(found[0].room_id)
        await self._end_room(found[0].room_id, None if room is None else room.owner)
        return RemovalStatus.REMOVED

    async def _remove(self, caller: User, occupant: Occupant) -> bool:
        """Remove what the caller may; False if that is nothing."""
        room = await self._rooms.find(occupant.room_id)
        if room is not None and room.owner == caller:
            await self._end_room(occupant.room_id, caller)
            return True
        if occupant.user != caller:
            return False
        removal = await self._census.remove_peer(occupant.room_id, occupant.peer.peer_id)
        if removal.room_empty:
            await self._end_room(occupant.room_id, None if room is None else room.owner)
        return True

    async def _end_room(self, room_id: str, owner: User | None) -> None:
        await self._rooms.delete(room_id)
        await self._census.remove_room(room_id, owner)

"""Who is in which room, for those who ask from outside: over HTTP, or to tidy up."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from heliograph_protocol import Peer
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Room
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.member import Member

__all__ = ["Census", "LocalCensus", "Occupant", "PeerRemoval"]


class Occupant(Struct, frozen=True):
    """A peer in a room, and what it may do there."""

    room_id: str
    user: User
    grants: frozenset[str]
    peer: Peer


class PeerRemoval(Struct, frozen=True):
    """What became of the wish to remove a peer."""

    found: bool
    room_empty: bool


class Census(Protocol):
    """Every method raises `Unavailable` where the answer is on another node that can't be asked."""

    async def occupants(self, room_id: str) -> list[Occupant]:
        """Everyone in a room."""

    async def counts(self, room_ids: Sequence[str]) -> dict[str, int]:
        """How many peers are in each of these rooms."""

    async def find(self, peer_id: str) -> list[Occupant]:
        """The peers of that name in all rooms."""

    async def remove_peer(self, room_id: str, peer_id: str) -> PeerRemoval:
        """Put a peer out of a room."""

    async def remove_room(self, room_id: str, owner: User | None) -> None:
        """Put everyone out of a room that is no more. Its owner is then gone too."""

    async def room_changed(self, room: Room) -> None:
        """A room's policy, size or end is another now."""


class LocalCensus:
    """See `Census`. Everyone is on this node, or at least everyone who is asked for."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def occupants(self, room_id: str) -> list[Occupant]:
        """See `Census.occupants`."""
        return [_occupant(member) for member in self._hub.members(room_id)]

    async def counts(self, room_ids: Sequence[str]) -> dict[str, int]:
        """See `Census.counts`."""
        return {room_id: len(self._hub.members(room_id)) for room_id in room_ids}

    async def find(self, peer_id: str) -> list[Occupant]:
        """See `Census.find`."""
        return [_occupant(member) for member in self._hub.find(peer_id)]

    async def remove_peer(self, room_id: str, peer_id: str) -> PeerRemoval:
        """See `Census.remove_peer`."""
        member = self._hub.member(room_id, peer_id)
        if member is not None:
            self._hub.remove_peer(member)
        return PeerRemoval(found=member is not None, room_empty=not self._hub.occupied(room_id))

    async def remove_room(self, room_id: str, owner: User | None) -> None:
        """See `Census.remove_room`."""
        self._hub.remove_room(room_id, owner=owner)

    async def room_changed(self, room: Room) -> None:
        """See `Census.room_changed`."""
        self._hub.room_changed(room)


def _occupant(member: Member) -> Occupant:
    return Occupant(member.room_id, member.user, member.grants, member.view())

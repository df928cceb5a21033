"""Who is where, and the way from one peer to another.

The hub is the one owner of membership. It has no sockets and awaits nothing: a member holds a `Link`, and frames for
the member go there. Clean-up goes by the member, an object of one connection, never by a peer id, which two
connections may share for a moment.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from heliograph_protocol import CloseCode
from heliograph_server.errors import PeerIdTaken, RoomFull
from heliograph_server.identity.verifier import User

__all__ = ["Hub", "Link", "Member"]


class Link(Protocol):
    """Where a member's frames go. Both methods return at once."""

    def send(self, frame: bytes) -> bool:
        """Take a frame; False if it can't be delivered any more."""

    def close(self, code: int, reason: str) -> None:
        """End the connection behind it."""


class Member:
    """One peer in one room, through one connection."""

    __slots__ = ("link", "neighbours", "peer_id", "role", "room_id", "user")

    def __init__(
        self, *, room_id: str, peer_id: str, user: User, role: str, link: Link, neighbours: "dict[str, Member]"
    ) -> None:
        self.room_id = room_id
        self.peer_id = peer_id
        self.user = user
        self.role = role
        self.link = link
        self.neighbours = neighbours
        """The room's members by peer id, oneself included. The hub's; nobody else changes it."""


class Hub:
    """The rooms that have someone in them."""

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, Member]] = {}

    def join(self, room_id: str, peer_id: str, *, user: User, role: str, link: Link, max_peers: int) -> Member:
        """Let a peer in. The same user takes its own peer id over: the older connection is closed.

        Raises `PeerIdTaken` if another user holds the id, `RoomFull` if the room has `max_peers` already.
        """
        members = self._rooms.get(room_id, {})
        older = members.get(peer_id)
        if older is not None and older.user != user:
            raise PeerIdTaken(f"Another user is {peer_id} in this room")
        if older is None and len(members) >= max_peers:
            raise RoomFull(f"This room holds {max_peers} peers and has them")
        member = Member(room_id=room_id, peer_id=peer_id, user=user, role=role, link=link, neighbours=members)
        members[peer_id] = member
        self._rooms[room_id] = members
        if older is not None:
            older.link.close(CloseCode.REPLACED, "replaced by a newer connection")
        return member

    def leave(self, member: Member) -> None:
        """Forget a member. One that was replaced or removed before is gone already, and its successor stays."""
        members = member.neighbours
        if members.get(member.peer_id) is not member:
            return
        del members[member.peer_id]
        if not members:
            self._rooms.pop(member.room_id, None)

    def route(self, sender: Member, target: str, frame: bytes) -> bool:
        """Hand a frame to the member `target` of the sender's room; False if nobody took it."""
        member = sender.neighbours.get(target)
        return member is not None and member.link.send(frame)

    def member(self, room_id: str, peer_id: str) -> Member | None:
        """The member of that name in that room."""
        return self._rooms.get(room_id, {}).get(peer_id)

    def find(self, peer_id: str) -> list[Member]:
        """The members of that name in all rooms."""
        return [members[peer_id] for members in self._rooms.values() if peer_id in members]

    def occupied(self, room_id: str) -> bool:
        """Whether anyone is in the room."""
        return room_id in self._rooms

    def remove_peer(self, member: Member) -> None:
        """Put one member out."""
        self.leave(member)
        member.link.close(CloseCode.REMOVED, "removed from the room")

    def remove_room(self, room_id: str) -> int:
        """Put everyone out of a room; how many that were."""
        members = self._rooms.pop(room_id, {})
        everyone = list(members.values())
        members.clear()
        for member in everyone:
            member.link.close(CloseCode.REMOVED, "the room was closed")
        return len(everyone)

    def room_count(self) -> int:
        """How many rooms have someone in them."""
        return len(self._rooms)

    def peers_by_role(self) -> Counter[str]:
        """How many peers there are of each role."""
        return Counter(member.role for member in self)

    def __iter__(self) -> Iterator[Member]:
        """All members of all rooms."""
        for members in self._rooms.values():
            yield from members.values()

"""Who is where, and the way from one peer to another.

The hub is the one owner of membership. It has no sockets and awaits nothing: a member holds a `Link`, and frames for
the member go there. Clean-up goes by the member and its connection, objects of their own, never by a peer id, which two
connections may share for a moment.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from functools import partial

from heliograph_protocol import CloseCode, ErrorCode, Metadata, Peer, Resume, encode
from heliograph_server.errors import PeerIdTaken, RoomFull, wire_error
from heliograph_server.identity.verifier import User
from heliograph_server.inspection.chronicle import Chronicle
from heliograph_server.rooms.model import Room
from heliograph_server.signaling.journal import NO_JOURNAL, Journal
from heliograph_server.signaling.links import DirectLink
from heliograph_server.signaling.live_room import LeaveReason, LiveRoom
from heliograph_server.signaling.mailbox import Mailbox
from heliograph_server.signaling.member import Entrance, Member, described_bytes
from heliograph_server.signaling.timers import Timers
from heliograph_server.transport.connection import Connection, Ending

__all__ = ["Hub"]


class Hub:
    """The rooms that have someone in them.

    `wall_clock` gives Unix seconds; a peer that lost its connection may come back for `resume_window_s`. `gone` is told
    of each user who leaves a room for good, `ended` of each room that has nobody in it any more; neither must wait.
    `journal` gives a room's, which is told what changes of it.
    """

    def __init__(
        self,
        *,
        timers: Timers,
        wall_clock: Callable[[], float],
        resume_window_s: int,
        gone: Callable[[User], None] = lambda _: None,
        ended: Callable[[str], None] = lambda _: None,
        journal: Callable[[str], Journal] = lambda _: NO_JOURNAL,
        chronicle: Chronicle | None = None,
    ) -> None:
        self._rooms: dict[str, LiveRoom] = {}
        self._timers = timers
        self._wall_clock = wall_clock
        self._gone = gone
        self._ended = ended
        self._journal = journal
        self.chronicle = Chronicle(wall_clock) if chronicle is None else chronicle
        """Where it is written down what becomes of the members."""
        self.resume_window_s = resume_window_s

    def join(self, room: Room, entrance: Entrance, connection: Connection) -> Member:
        """Let a peer in. The same user takes its own peer id over: the older connection is closed, its mail is dropped.

        Raises `PeerIdTaken` if another user holds the id, `RoomFull` if the room is full, of peers or of metadata.
        """
        live = self._rooms.get(room.room_id)
        older = live.members.get(entrance.peer_id) if live is not None else None
        if older is not None and older.user != entrance.user:
            raise PeerIdTaken(f"Another user is {entrance.peer_id} in this room")
        if older is None and len(live.members if live is not None else ()) >= room.max_peers:
            raise RoomFull(f"This room holds {room.max_peers} peers and has them")
        described = described_bytes(entrance.role, entrance.metadata, entrance.groups)
        if live is not None and not live.has_room_for(described, instead_of=older):
            raise RoomFull("The peers of this room say too much of themselves to take in more of it")
        if live is None:
            live = self._open(room)
        link = live.journal.mailbox(connection) if entrance.resumable else DirectLink(connection)
        member = Member(entrance, room=live, link=link, connected_at=int(self._wall_clock()))
        live.members[member.peer_id] = member
        self.chronicle.registered(member, replaces=older is not None)
        if older is None:
            live.tell_joined(member)
        else:
            self._retire(older)
            older.link.close(CloseCode.REPLACED, "replaced by a newer connection")
            live.journal.gone(older)
            _tell_takeover(live, member, older)
        live.journal.changed(member)
        return member

    def resume(self, room_id: str, peer_id: str, user: User, proof: Resume, connection: Connection) -> Member | None:
        """Give a peer its session back over a new connection; None if there is no such session, or not of that user.

        The session's secret is another afterwards; the one in the proof fits as well until the peer is `heard`, or for
        a window if it keeps silent. What the peer missed goes out with `Mailbox.pump`.
        """
        member = self.member(room_id, peer_id)
        if member is None or member.user != user or not isinstance(member.link, Mailbox) or member.key is None:
            return None
        if not member.key.fits(proof):
            return None
        older = member.link.connection
        if not member.link.attach(connection, proof.received):
            return None
        if older is not None:
            older.close(CloseCode.REPLACED, "resumed over a newer connection")
        member.key.renew(proof)
        self._start_window(member, lambda: self._settled_in(member))
        if member.state == "away":
            member.state = "online"
            member.room.tell_back(member)
        member.room.journal.changed(member)
        self.chronicle.happened(member, "back")
        return member

    def heard(self, member: Member) -> None:
        """A peer has said something over its connection, which it does only after it had the reply."""
        if member.key is not None:
            member.key.arrived()
            member.room.journal.changed(member)

    def settle(self, member: Member) -> None:
        """A member has had its reply: those who wait for one like it may have it now."""
        if self._present(member):
            member.room.claims.reconsider(member)

    def disconnected(self, member: Member, connection: Connection) -> None:
        """A connection is over. Nothing happens if the member went on over another, or has gone."""
        if member.link.connection is not connection or not self._present(member):
            return
        if not isinstance(member.link, Mailbox):
            self.leave(member, ending=connection.ending)
            return
        member.link.detach()
        member.state = "away"
        self._start_window(member, lambda: self.leave(member, "timed_out"))
        member.room.tell_away(member)
        member.room.journal.changed(member)
        self.chronicle.happened(member, "away", ending=connection.ending)

    def leave(self, member: Member, reason: LeaveReason = "left", *, ending: Ending | None = None) -> None:
        """A member has gone for good. If it was replaced or removed before, its successor stays.

        `ending` is how its connection ended, if that is why.
        """
        if not self._present(member):
            return
        room = member.room
        del room.members[member.peer_id]
        self.chronicle.left(member, reason, ending)
        self._retire(member)
        room.journal.gone(member)
        if room.members:
            room.tell_left(member, reason)
        else:
            del self._rooms[room.room_id]
            room.end()
            self._ended(room.room_id)
        self._gone(member.user)

    def set_groups(self, member: Member, groups: frozenset[str]) -> None:
        """Replace a member's groups; who sees whom changes with them."""
        before = _snapshot(member)
        member.groups = groups
        member.described_bytes = described_bytes(member.role, member.metadata, groups)
        member.room.journal.changed(member)
        self.chronicle.happened(member, "regrouped")
        member.room.tell_regrouped(member, before, tell_member=True)
        member.room.claims.reconsider(member)

    def set_metadata(self, member: Member, metadata: Metadata) -> None:
        """Replace a member's metadata."""
        member.metadata = metadata
        member.described_bytes = described_bytes(member.role, metadata, member.groups)
        member.room.journal.changed(member)
        member.room.tell_updated(member)
        member.room.claims.changed(member)

    def restore(self, room: Room, fill: Callable[[LiveRoom], None]) -> LiveRoom:
        """Have a room again that was elsewhere. `fill` puts its members in; they are away, and their windows begin."""
        live = self._open(room)
        fill(live)
        for member in list(live.members.values()):
            self.chronicle.registered(member, replaces=False)
            self.chronicle.happened(member, "away")
            self._start_window(member, partial(self.leave, member, "timed_out"))
        return live

    def drop(self, room_id: str, code: int, reason: str) -> None:
        """Forget a room without a word to anyone in it: its truth is elsewhere. Connections are closed."""
        live = self._rooms.pop(room_id, None)
        if live is None:
            return
        live.end()
        everyone = list(live.members.values())
        live.members.clear()
        for member in everyone:
            _end_window(member)
            self.chronicle.left(member, "moved", Ending("server", code))
            member.link.close(code, reason)

    def room(self, room_id: str) -> LiveRoom | None:
        """A room that has someone in it."""
        return self._rooms.get(room_id)

    def member(self, room_id: str, peer_id: str) -> Member | None:
        """The member of that name in that room."""
        live = self._rooms.get(room_id)
        return None if live is None else live.members.get(peer_id)

    def members(self, room_id: str) -> list[Member]:
        """Everyone in a room."""
        live = self._rooms.get(room_id)
        return [] if live is None else list(live.members.values())

    def peers(self, room_id: str) -> list[Peer]:
        """Everyone in a room, as others see them."""
        return [member.view() for member in self.members(room_id)]

    def find(self, peer_id: str) -> list[Member]:
        """The members of that name in all rooms."""
        return [live.members[peer_id] for live in self._rooms.values() if peer_id in live.members]

    def occupied(self, room_id: str) -> bool:
        """Whether anyone is in the room, or away from it."""
        return room_id in self._rooms

    def room_changed(self, room: Room) -> None:
        """A room's policy, size or end is another now."""
        if room.room_id in self._rooms:
            self._rooms[room.room_id].change(room)

    def remove_peer(self, member: Member) -> None:
        """Put one member out."""
        self.leave(member, "removed", ending=Ending("server", CloseCode.REMOVED))
        member.link.close(CloseCode.REMOVED, "removed from the room")

    def remove_room(self, room_id: str, reason: str = "the room was closed", *, owner: User | None = None) -> int:
        """Put everyone out of a room that is no more; how many that were. Its owner is then gone too."""
        live = self._rooms.pop(room_id, None)
        if owner is not None:
            self._gone(owner)
        if live is None:
            return 0
        live.tell_closed(reason)
        live.end()
        everyone = list(live.members.values())
        live.members.clear()
        for member in everyone:
            _end_window(member)
            self.chronicle.left(member, "room_closed", Ending("server", CloseCode.REMOVED))
            member.link.close(CloseCode.REMOVED, "the room was closed")
            self._gone(member.user)
        self._ended(room_id)
        return len(everyone)

    def announce_drain(self, reconnect_within_s: int) -> None:
        """Tell everyone that the server is about to end."""
        for live in self._rooms.values():
            live.tell_draining(reconnect_within_s)

    def rooms(self) -> Collection[LiveRoom]:
        """The rooms that have someone in them."""
        return self._rooms.values()

    def room_count(self) -> int:
        """How many rooms have someone in them."""
        return len(self._rooms)

    def peers_by_role(self) -> Counter[str]:
        """How many peers there are of each role."""
        return Counter(member.role for member in self)

    def __iter__(self) -> Iterator[Member]:
        """All members of all rooms."""
        for live in self._rooms.values():
            yield from live.members.values()

    def _open(self, room: Room) -> LiveRoom:
        live = self._rooms[room.room_id] = LiveRoom(
            room,
            timers=self._timers,
            wall_clock=self._wall_clock,
            chronicle=self.chronicle,
            journal=self._journal(room.room_id),
        )
        return live

    def _present(self, member: Member) -> bool:
        return member.room.members.get(member.peer_id) is member

    def _start_window(self, member: Member, at_its_end: Callable[[], None]) -> None:
        _end_window(member)
        member.window = self._timers.call_later(self.resume_window_s, at_its_end)

    @staticmethod
    def _settled_in(member: Member) -> None:
        """A member has been back for a window: what was kept in case its reply was lost is kept no longer."""
        member.window = None
        if member.key is not None and isinstance(member.link, Mailbox):
            member.key.arrived()
            member.link.settled_in()
            member.room.journal.changed(member)

    def _retire(self, member: Member) -> None:
        """End what a member had: its claims, its window, its mail, whose senders are told."""
        _end_window(member)
        member.room.claims.forget(member)
        if isinstance(member.link, Mailbox):
            for sender, ref in member.link.undelivered():
                self.chronicle.undelivered(sender, member.peer_id)
                if self._present(sender):
                    text = f"{member.peer_id} has gone, and never got this message"
                    sender.link.notify(encode(wire_error(ErrorCode.PEER_NOT_FOUND, text, ref=ref)))


def _end_window(member: Member) -> None:
    if member.window is not None:
        member.window.cancel()
        member.window = None


def _snapshot(member: Member) -> Member:
    """The member as it is now, for comparing."""
    entrance = Entrance(
        peer_id=member.peer_id,
        user=member.user,
        role=member.role,
        metadata=member.metadata,
        groups=member.groups,
        grants=member.grants,
    )
    snapshot = Member(entrance, room=member.room, link=member.link, connected_at=member.connected_at)
    snapshot.state = member.state
    return snapshot


def _tell_takeover(live: LiveRoom, member: Member, older: Member) -> None:
    """A takeover is no news, unless the peer is another than it was."""
    if member.groups != older.groups:
        live.tell_regrouped(member, older, tell_member=False)
    elif (member.role, member.metadata) != (older.role, older.metadata):
        live.tell_updated(member)
    elif older.state == "away":
        live.tell_back(member)

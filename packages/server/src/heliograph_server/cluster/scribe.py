"""Writes down what changes in the rooms that are at home here, and lets out what was said once that is done.

All changes of a room in one turn of the event loop, and all that come while they are being written or while the node's
`Pace` has a pause, are one commit.
While nothing can be written down a room goes on without: then it holds nothing back, and is written anew as a whole
when the bus is back.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Protocol

import structlog

from heliograph_protocol import CloseCode
from heliograph_server.cluster.aftermath import Aftermath
from heliograph_server.cluster.bus import BusUnavailable, Changes, Fields, Home, Registry
from heliograph_server.cluster.kept_mailbox import Held, KeptMailbox
from heliograph_server.cluster.pace import Soon, in_next_turn
from heliograph_server.cluster.room_log import claim_field, fill, member_field, member_name, waiting_field, whole
from heliograph_server.rooms.model import Room
from heliograph_server.signaling.claims import Claim, Waiting
from heliograph_server.signaling.homes import RoomElsewhere
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.links import Receipt
from heliograph_server.signaling.live_room import LiveRoom
from heliograph_server.signaling.member import Member
from heliograph_server.transport.connection import Connection

__all__ = ["RoomJournal", "Rooms", "Scribe"]

BOX_BYTES: Final = 6

MOVED: Final = (CloseCode.RESTARTING, "the room is on another node, resume")

_log = structlog.get_logger(__name__)


class RoomJournal:
    """See `Journal` and `Holder`."""

    def __init__(self, room_id: str, wake: "Callable[[RoomJournal], None]") -> None:
        self.room_id = room_id
        self.holding = True
        """See `Holder.holding`."""
        self.writing = False
        """A commit is under way."""
        self._wake = wake
        self._asleep = True
        self._fields: dict[bytes, bytes | None] = {}
        self._members: dict[str, Member] = {}
        self._boxes: dict[str, KeptMailbox] = {}
        self._connections: list[Held] = []
        self._sent: list[Receipt] = []

    def mailbox(self, connection: Connection | None) -> KeptMailbox:
        """See `Journal.mailbox`."""
        return KeptMailbox(connection, secrets.token_hex(BOX_BYTES), self)

    def changed(self, member: Member) -> None:
        """See `Journal.changed`."""
        if self.holding and isinstance(member.link, KeptMailbox):
            self._members[member.peer_id] = member
            self._stir()

    def gone(self, member: Member) -> None:
        """See `Journal.gone`."""
        if not self.holding or not isinstance(member.link, KeptMailbox):
            return
        if self._members.get(member.peer_id) is member:
            del self._members[member.peer_id]
        self._boxes.pop(member.link.name, None)
        self.remove((member_name(member), *member.link.names()))

    def claimed(self, claim: Claim) -> None:
        """See `Journal.claimed`."""
        self.write(*claim_field(claim))
        self.changed(claim.claimed)  # which has been claimed last

    def claim_ended(self, claim: Claim) -> None:
        """See `Journal.claim_ended`."""
        self.remove((claim_field(claim)[0],))

    def waits(self, waiting: Waiting) -> None:
        """See `Journal.waits`."""
        self.write(*waiting_field(waiting))

    def waits_no_more(self, waiting: Waiting) -> None:
        """See `Journal.waits_no_more`."""
        self.remove((waiting_field(waiting)[0],))

    def write(self, name: bytes, value: bytes) -> None:
        """See `Holder.write`."""
        if self.holding:
            self._fields[name] = value
            if self._asleep:
                self._stir()

    def remove(self, names: Iterable[bytes]) -> None:
        """See `Holder.remove`. A frame that came and went between two commits was never written."""
        if self.holding:
            fields = self._fields
            for name in names:
                if name in fields and name.startswith(b"f:"):
                    del fields[name]
                else:
                    fields[name] = None
            self._stir()

    def advanced(self, box: KeptMailbox) -> None:
        """See `Holder.advanced`."""
        if self.holding:
            self._boxes[box.name] = box
            if self._asleep:
                self._stir()

    def holds(self, connection: Held) -> None:
        """See `Holder.holds`."""
        self._connections.append(connection)
        if self._asleep:
            self._stir()

    def sends(self, receipt: Receipt) -> None:
        """See `Holder.sends`."""
        self._sent.append(receipt)

    @property
    def stirred(self) -> bool:
        """Whether there is anything to write down, or to let out."""
        return not self._asleep

    def take(self) -> tuple[Changes, Aftermath]:
        """What is to be written down, if anything, and what is to be done after that."""
        fields = self._fields
        for member in self._members.values():
            if isinstance(member.link, KeptMailbox):
                fields.update([member_field(member, member.link.name)])
        if self._boxes:
            fields.update([box.progress() for box in self._boxes.values()])
        afterwards = self._forget()
        written: list[tuple[bytes, bytes]] = []
        removed: list[bytes] = []
        for name, value in fields.items():
            if value is None:
                removed.append(name)
            else:
                written.append((name, value))
        return Changes(written, removed), afterwards

    def begin_anew(self) -> Aftermath:
        """Everything is to be written down; what is held so far can go out after that."""
        self.holding = True
        return self._forget()

    def stop(self) -> None:
        """Nothing is to be written down for now. What is held can go out, in its turn."""
        self.holding = False
        self._fields, self._members, self._boxes = {}, {}, {}

    def _forget(self) -> Aftermath:
        aftermath = Aftermath(self._connections, self._sent)
        self._fields, self._members, self._boxes, self._connections, self._sent = {}, {}, {}, [], []
        self._asleep = True
        return aftermath

    def _stir(self) -> None:
        if self._asleep:
            self._asleep = False
            if not self.writing:
                self._wake(self)


class Rooms(Protocol):
    """Who knows whether this node still is a room's home."""

    def home_of(self, room_id: str) -> Home | None:
        """Which home of the room this node is."""

    def renew(self, room_id: str) -> Home | None:
        """The same home in its next epoch, as which it will write down the room anew."""

    def lose(self, room_id: str) -> None:
        """This node is not the room's home any more."""

    def outdated(self, room_id: str) -> bool:
        """Whether those who were in the room before may be in the log still. The caller will see to it."""


class Scribe:
    """The journals of all rooms. `hub` is told once, before the first room; `soon` says when changes are written."""

    hub: Hub

    def __init__(self, registry: Registry, rooms: Rooms, soon: Soon = in_next_turn) -> None:
        self._registry = registry
        self._rooms = rooms
        self._soon = soon
        self._journals: dict[str, RoomJournal] = {}
        self._awake: list[RoomJournal] = []
        self.commits = 0
        self.lost_rooms = 0

    def journal(self, room_id: str) -> RoomJournal:
        """The journal of a room that someone comes into. Raises `RoomElsewhere` if it has just left this node."""
        if self._rooms.home_of(room_id) is None:
            raise RoomElsewhere
        journal = self._journals[room_id] = RoomJournal(room_id, self._wake)
        if self._rooms.outdated(room_id) and (home := self._rooms.renew(room_id)) is not None:
            self._await(journal, self._registry.reclaim(room_id, home, {}), journal.begin_anew())
        return journal

    def restore(self, room: Room, fields: Fields) -> None:
        """Have a room again as it was kept, and write it down as it is then: everyone is away."""
        if not any(name.startswith(b"m:") for name in fields):
            return
        live = self.hub.restore(room, lambda live: fill(live, fields, self._mailbox(live)))
        self._rewrite(live)

    def bus_lost(self) -> None:
        """Nothing can be written down."""
        for journal in self._journals.values():
            self._stop(journal)

    def bus_back(self) -> None:
        """Write down all rooms, unless somebody else has taken them."""
        for room_id in list(self._journals):
            live = self.hub.room(room_id)
            if live is not None:
                self._rewrite(live)

    def ended(self, room_id: str) -> None:
        """Nobody is in a room any more: nothing is to be kept of it."""
        journal = self._journals.pop(room_id, None)
        if journal is not None:
            self._stop(journal)

    def lost(self, room_id: str) -> None:
        """Another node has the room: whoever is here has to go there. What was not written down has not happened."""
        self.lost_rooms += 1
        _log.warning("cluster.room_lost", room=room_id)
        self._rooms.lose(room_id)
        journal = self._journals.pop(room_id, None)
        live = self.hub.room(room_id)
        if live is None:
            return
        if journal is not None:
            journal.stop()
            journal.take()
        code, reason = MOVED
        for member in live.members.values():
            connection = member.link.connection
            if isinstance(connection, Held):
                connection.abandon(code, reason)
        self.hub.drop(room_id, code, reason)

    async def hand_over(self, room_id: str) -> None:
        """Let a room go to whichever node its peers come back to: written down to the last word, and closed here."""
        journal, live, home = self._journals.pop(room_id, None), self.hub.room(room_id), self._rooms.home_of(room_id)
        self._rooms.lose(room_id)
        if journal is None or live is None or home is None:
            return
        code, reason = MOVED
        connections = [member.link.connection for member in live.members.values()]
        for member in live.members.values():
            member.link.close(code, reason)
        if journal.holding:
            changes, aftermath = journal.take()
            committed = self._registry.commit(room_id, home, changes)
        else:
            home, aftermath = home.later(), journal.begin_anew()
            committed = self._registry.reclaim(room_id, home, whole(live, _box_of))
        journal.stop()
        self.hub.drop(room_id, code, reason)
        written = False
        try:
            written = await committed
            await self._registry.release(room_id, home, forget=False)
        finally:
            if written:
                aftermath.written()
            for connection in connections:
                if isinstance(connection, Held):
                    connection.abandon(code, reason)

    def _mailbox(self, live: LiveRoom) -> Callable[[str], KeptMailbox]:
        journal = self._journals[live.room_id]
        return lambda name: KeptMailbox(None, name, journal)

    def _rewrite(self, live: LiveRoom) -> None:
        journal = self._journals[live.room_id]
        home = self._rooms.renew(live.room_id)
        if home is None:
            self.lost(live.room_id)
            return
        aftermath = journal.begin_anew()
        answer = self._registry.reclaim(live.room_id, home, whole(live, _box_of))
        self._await(journal, answer, aftermath)

    def _wake(self, journal: RoomJournal) -> None:
        if not self._awake:
            self._soon(self._write)
        self._awake.append(journal)

    def _write(self) -> None:
        awake, self._awake = self._awake, []
        for journal in awake:
            if not journal.writing:
                self._commit(journal)

    def _commit(self, journal: RoomJournal) -> None:
        changes, aftermath = journal.take()
        home = self._rooms.home_of(journal.room_id)
        if home is None or not (changes.written or changes.removed):
            aftermath.written()
            return
        self.commits += 1
        self._await(journal, self._registry.commit(journal.room_id, home, changes), aftermath)

    def _await(self, journal: RoomJournal, answer: "asyncio.Future[bool]", aftermath: Aftermath) -> None:
        journal.writing = True
        answer.add_done_callback(partial(self._written, journal, aftermath))

    def _written(self, journal: RoomJournal, aftermath: Aftermath, answer: "asyncio.Future[bool]") -> None:
        journal.writing = False
        if answer.cancelled() or answer.exception() is not None:
            if not answer.cancelled() and not isinstance(answer.exception(), BusUnavailable):
                _log.error("cluster.commit_failed", room=journal.room_id, cause=repr(answer.exception()))
            aftermath.unwritten()
            self._stop(journal)
        elif not answer.result():
            if self._journals.get(journal.room_id) is journal:
                self.lost(journal.room_id)
            aftermath.refused(*MOVED)
        else:
            aftermath.written()
            if journal.stirred:
                self._wake(journal)

    @staticmethod
    def _stop(journal: RoomJournal) -> None:
        """Nothing is written down any more. What is being written down comes out before what is held now."""
        journal.stop()
        if not journal.writing:
            journal.take()[1].unwritten()


def _box_of(member: Member) -> KeptMailbox | None:
    return member.link if isinstance(member.link, KeptMailbox) else None

"""What happened between the peers of each room in the last minutes, for those who ask why two did not connect.

The chronicle is told; it asks nobody and waits for nothing. Of signals it keeps what `sighting` lets through. How many
it records in a time is bounded for each sender and for all together, so that forwarding costs what it did: whoever
sends that much is not opening connections. How much it remembers is bounded for each peer, each pair, each room and in
total; what is over goes first, the rest `KEEP_S` after a peer has left.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from msgspec import UNSET, UnsetType

from heliograph_protocol import (
    FORWARDED_TYPES,
    PEER_MESSAGE_TYPE,
    REQUEST_TYPES,
    CloseCode,
    Envelope,
    ErrorCode,
    Report,
    TimelineEntry,
    TimelineEvent,
)
from heliograph_server.inspection.peers import SHOWN
from heliograph_server.inspection.room_chronicle import Pair, RoomChronicle
from heliograph_server.inspection.sightings import is_peer_id, sighting
from heliograph_server.inspection.trails import PAIRS_OPENED, PairTrail, PeerTrail
from heliograph_server.transport.connection import Ending

if TYPE_CHECKING:
    from heliograph_server.signaling.member import Member

__all__ = [
    "GONE_PEERS",
    "KEEP_S",
    "PAIR_ENTRIES_IN_ALL",
    "SIGNALS_IN_ALL",
    "SIGNALS_PER_SENDER",
    "WINDOW_S",
    "Chronicle",
]

KEEP_S: Final = 900.0
"""How long those who have gone are remembered."""

GONE_PEERS: Final = 10_000
GONE_PEERS_IN_ROOM: Final = 500
"""How many of them, in all rooms and in one."""

PAIR_ENTRIES_IN_ALL: Final = 100_000
"""Signals that are remembered, of all pairs together: some 20 MB."""

WINDOW_S: Final = 10.0
SIGNALS_PER_SENDER: Final = 256
"""Signals of one peer that are recorded in a window; enough for some ten connections that are made at once."""

SIGNALS_IN_ALL: Final = 10_000
"""And of all peers together: at some 5 µs each, half a percent of the time."""

_ALWAYS: Final = float("-inf")
_KNOWN_TYPES: Final = FORWARDED_TYPES | REQUEST_TYPES | {PEER_MESSAGE_TYPE}


class Chronicle:
    """All rooms' chronicles. `wall_clock` gives Unix seconds."""

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self.rooms: dict[str, RoomChronicle] = {}
        self._wall_clock = wall_clock
        self._window = 0
        self._window_ends_at = _ALWAYS
        self._window_left = 0
        self._pair_entries = 0
        self._touched: OrderedDict[tuple[str, Pair], None] = OrderedDict()
        """All pairs, the one that was quiet for longest first."""
        self._gone: OrderedDict[tuple[str, str], float] = OrderedDict()
        """Those who are not there and when they went, the longest gone first."""

    def signal(self, sender: "Member", envelope: Envelope, frame: bytes, at: float, *, buffered: bool) -> float:
        """A signal was forwarded, at that time on the sessions' clock.

        Returns the time before which no signal of that sender is to be recorded.
        """
        room = self.rooms.get(sender.room.room_id)
        trail = room.peers.get(sender.peer_id) if room is not None else None
        if room is None or trail is None or not self._may_record(trail):
            return at + self._window_ends_at - self._wall_clock()
        target = str(envelope.target)
        pair = self._pair(room, trail, sender.peer_id, target)
        attempt, restart = pair.attempt_of(envelope, sender.peer_id)
        seen = sighting(envelope, frame)
        entry = TimelineEntry(
            at=self._now(),
            event=envelope.type,  # type: ignore[arg-type]  # only signals come here
            peer=sender.peer_id,
            to=target,
            outcome="buffered" if buffered else "delivered",
            attempt=attempt,
            size=len(frame),
            candidates=seen.candidates,
            transport=seen.transport,
            end=seen.end,
            reason=seen.reason,
            restart=restart,
        )
        self._add_to_pair(room, pair, entry)
        if trail.window_left > 0:
            return _ALWAYS
        self._note(room, sender.peer_id, "not_recorded")
        return at + self._window_ends_at - self._wall_clock()

    def refused(self, sender: "Member", code: ErrorCode, envelope: Envelope | None) -> None:
        """A peer's message was not accepted."""
        room = self.rooms.get(sender.room.room_id)
        trail = room.peers.get(sender.peer_id) if room is not None else None
        if room is None or trail is None:
            return
        room.count_refusal(code.value)
        trail.refusals += 1
        said = UNSET if envelope is None or envelope.type not in _KNOWN_TYPES else envelope.type
        target = UNSET if envelope is None else envelope.target
        if envelope is None or said not in FORWARDED_TYPES or not is_peer_id(target) or target == sender.peer_id:
            self._note(room, sender.peer_id, "refused", code=code.value, said=said)
        elif self._may_record(trail):
            pair = self._pair(room, trail, sender.peer_id, str(target))
            attempt, _ = pair.attempt_of(envelope, sender.peer_id)
            fields = {"to": target, "code": code.value, "said": said, "attempt": attempt}
            self._add_to_pair(room, pair, self._entry("refused", sender.peer_id, **fields))

    def undelivered(self, sender: "Member", target: str) -> None:
        """A message that waited for a peer will never arrive."""
        room = self.rooms.get(sender.room.room_id)
        pair = room.between(sender.peer_id, target) if room is not None else None
        if room is not None and pair is not None:
            entry = self._entry("undelivered", sender.peer_id, to=target, attempt=pair.attempt)
            self._add_to_pair(room, pair, entry)

    def reported(self, sender: "Member", report: Report) -> None:
        """A peer says what became of a connection. That counts only for those who have signalled each other."""
        room = self.rooms.get(sender.room.room_id)
        pair = room.between(sender.peer_id, report.peer_id) if room is not None else None
        trail = room.peers.get(sender.peer_id) if room is not None else None
        if room is None or pair is None or trail is None or not self._may_record(trail):
            return
        entry = self._entry(
            report.state,
            sender.peer_id,
            to=report.peer_id,
            attempt=pair.attempt,
            local=report.local,
            remote=report.remote,
            took_ms=report.took_ms,
        )
        self._add_to_pair(room, pair, entry)

    def turned_away(self, room_id: str, peer_id: str, code: ErrorCode) -> None:
        """Somebody wanted into a room and was refused. It is remembered where somebody is there who may ask."""
        room = self.rooms.get(room_id)
        if room is None:
            return
        room.count_refusal(code.value)
        is_new = peer_id not in room.peers
        self._note(room, peer_id, "turned_away", code=code.value)
        if is_new:
            self._count_gone(room, peer_id)

    def registered(self, member: "Member", *, replaces: bool) -> None:
        """A peer has come in, over another connection of the same user if it `replaces` that."""
        room = self.rooms.get(member.room_id)
        if room is None:
            room = self.rooms[member.room_id] = RoomChronicle(member.room_id)
        if replaces:
            self._note(room, member.peer_id, "replaced", **_closing(Ending("server", CloseCode.REPLACED)))
        room.gone.pop(member.peer_id, None)
        self._gone.pop((member.room_id, member.peer_id), None)
        level = 2 if member.resumable else 1
        trail = self._note(room, member.peer_id, "registered", role=member.role, level=level)
        trail.gone = False
        trail.since = trail.entries[-1].at

    def happened(
        self,
        member: "Member",
        event: TimelineEvent,
        *,
        to: str | UnsetType = UNSET,
        reason: str | UnsetType = UNSET,
        ending: Ending | None = None,
    ) -> None:
        """A member has lost its connection or is back, has other groups, waits for a peer, has claimed or lost one."""
        room = self.rooms.get(member.room_id)
        if room is None:
            return
        self._note(room, member.peer_id, event, to=to, reason=reason, **_closing(ending))
        if event in ("away", "back"):
            room.peers[member.peer_id].since = self._now()

    def left(self, member: "Member", reason: str, ending: Ending | None = None) -> None:
        """A member has gone for good, when its connection ended like that."""
        room = self.rooms.get(member.room_id)
        if room is None:
            return
        self._note(room, member.peer_id, "left", reason=reason, **_closing(ending))
        trail = room.peers[member.peer_id]
        trail.gone = True
        trail.since = self._now()
        trail.role = member.role
        trail.level = 2 if member.resumable else 1
        trail.groups = sorted(member.groups)[:SHOWN]
        self._count_gone(room, member.peer_id)

    def changed(self, room_id: str) -> None:
        """Something else about a room is to be seen anew."""
        room = self.rooms.get(room_id)
        if room is not None:
            room.version += 1

    def prune(self) -> None:
        """Forget those who went long ago."""
        oldest = self._now() - KEEP_S
        while self._gone:
            (room_id, peer_id), went_at = next(iter(self._gone.items()))
            if went_at > oldest and len(self._gone) <= GONE_PEERS:
                return
            self._forget_peer(self.rooms[room_id], peer_id)

    def __len__(self) -> int:
        """How many signals are remembered."""
        return self._pair_entries

    def _now(self) -> float:
        return int(1000 * self._wall_clock() + 0.5) / 1000  # `round` goes through decimal digits, and takes longer

    def _may_record(self, trail: PeerTrail) -> bool:
        """Count one more entry of a peer for a pair; whether it is still to be recorded in this window."""
        now = self._wall_clock()
        if not self._window_ends_at - WINDOW_S <= now < self._window_ends_at:
            self._window += 1
            self._window_ends_at = now + WINDOW_S
            self._window_left = SIGNALS_IN_ALL
        if trail.window != self._window:
            trail.window = self._window
            trail.window_left = SIGNALS_PER_SENDER
        if trail.window_left <= 0 or self._window_left <= 0:
            return False
        trail.window_left -= 1
        self._window_left -= 1
        return True

    def _entry(self, event: TimelineEvent, peer: str, **fields: object) -> TimelineEntry:
        return TimelineEntry(at=self._now(), event=event, peer=peer, **fields)  # type: ignore[arg-type]

    def _note(self, room: RoomChronicle, peer_id: str, event: TimelineEvent, **fields: object) -> PeerTrail:
        """Something of one peer."""
        entry = self._entry(event, peer_id, **fields)
        trail = room.peers.get(peer_id)
        if trail is None:
            trail = room.peers[peer_id] = PeerTrail(entry.at)
        trail.add(entry)
        room.tell(entry)
        return trail

    def _pair(self, room: RoomChronicle, trail: PeerTrail, sender: str, target: str) -> PairTrail:
        pair = room.between(sender, target)
        if pair is None:
            pair = room.open(trail, sender, target)
            if len(trail.pairs) > PAIRS_OPENED and len(opened := trail.opened) > PAIRS_OPENED:
                self._forget_pair(room, opened[0])
        return pair

    def _add_to_pair(self, room: RoomChronicle, pair: PairTrail, entry: TimelineEntry) -> None:
        self._pair_entries += pair.add(entry)
        key = (room.room_id, (pair.a, pair.b))
        self._touched[key] = None
        self._touched.move_to_end(key)
        while self._pair_entries > PAIR_ENTRIES_IN_ALL:
            room_id, quietest = next(iter(self._touched))
            self._forget_pair(self.rooms[room_id], quietest)
        room.tell(entry)

    def _count_gone(self, room: RoomChronicle, peer_id: str) -> None:
        room.gone[peer_id] = None
        self._gone[room.room_id, peer_id] = self._now()
        if len(room.gone) > GONE_PEERS_IN_ROOM:
            self._forget_peer(room, next(iter(room.gone)))
        self.prune()

    def _forget_peer(self, room: RoomChronicle, peer_id: str) -> None:
        """A peer that has gone, and what it signalled."""
        self._gone.pop((room.room_id, peer_id), None)
        room.gone.pop(peer_id, None)
        for key in list(room.peers[peer_id].pairs):
            self._forget_pair(room, key)
        del room.peers[peer_id]
        room.version += 1
        if not room.peers:
            del self.rooms[room.room_id]

    def _forget_pair(self, room: RoomChronicle, key: Pair) -> None:
        pair = room.close(key)
        self._pair_entries -= len(pair.entries)
        self._touched.pop((room.room_id, key), None)


def _closing(ending: Ending | None) -> dict[str, object]:
    if ending is None:
        return {}
    return {"closed_by": ending.by, "close_code": UNSET if ending.code is None else int(ending.code)}

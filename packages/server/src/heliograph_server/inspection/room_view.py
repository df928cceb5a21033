"""A room as those who inspect it see it: the whole, and what has changed since."""

from collections import deque
from collections.abc import Callable, Sequence
from heapq import nlargest
from operator import attrgetter
from typing import Final, TypeVar

from msgspec.structs import replace

from heliograph_protocol import Diagnosis, PairReport, PeerReport, RoomReport, TimelineEntry
from heliograph_server.inspection.chronicle import Chronicle
from heliograph_server.inspection.diagnosis import Party, diagnose
from heliograph_server.inspection.peers import gone_report, peer_report
from heliograph_server.inspection.room_chronicle import RoomChronicle
from heliograph_server.inspection.trails import PairTrail
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.member import Member

__all__ = ["LISTED_PAIRS", "LISTED_PEERS", "TIMELINE_ENTRIES", "RoomView", "count_troubled"]

LISTED_PEERS: Final = 300
LISTED_PAIRS: Final = 300
"""What a report lists at most, those with the latest news first: the whole of it stays below what one may be sent."""

TIMELINE_ENTRIES: Final = 300

Row = TypeVar("Row")
_AT: Final = attrgetter("at")
_CLAIMS: Final = ("claim_waits", "claimed", "claim_ended")


class RoomView:
    """One room, with the timeline of all, of one peer, or of two. `now` is in Unix seconds throughout."""

    def __init__(self, hub: Hub, chronicle: Chronicle, room_id: str, focus: tuple[str, ...]) -> None:
        self._hub = hub
        self._chronicle = chronicle
        self._room_id = room_id
        self._focus = focus
        self._heard_from: RoomChronicle | None = None
        self._fresh: deque[TimelineEntry] = deque(maxlen=TIMELINE_ENTRIES)
        self._fresh_dropped = 0
        self._last: RoomReport | None = None

    def whole(self, now: float) -> RoomReport:
        """All of it. Changes count from here."""
        self._listen()
        self._fresh.clear()
        self._fresh_dropped = 0
        self._last = self._report(now)
        timeline, skipped = self._timeline()
        return replace(self._last, timeline=timeline, skipped=skipped)

    def changes(self, now: float) -> RoomReport | None:
        """What is other than it was, or None."""
        self._listen()
        before, after = self._last, self._report(now)
        self._last = after
        fresh, dropped = list(self._fresh), self._fresh_dropped
        self._fresh.clear()
        self._fresh_dropped = 0
        if before is None or (after == before and not fresh):
            return None
        return replace(
            after,
            peers=_others(before.peers, after.peers, lambda peer: peer.peer_id),
            pairs=_others(before.pairs, after.pairs, lambda pair: (pair.a, pair.b)),
            forgotten=sorted({peer.peer_id for peer in before.peers} - {peer.peer_id for peer in after.peers}),
            forgotten_pairs=_gone(before.pairs, after.pairs),
            timeline=fresh,
            skipped=dropped,
        )

    def end(self) -> None:
        """Nobody looks any more."""
        if self._heard_from is not None:
            self._heard_from.listeners = tuple(one for one in self._heard_from.listeners if one != self._hear)
            self._heard_from = None

    def _listen(self) -> None:
        """The chronicle of a room may be forgotten, and begun anew."""
        room = self._chronicle.rooms.get(self._room_id)
        if room is not self._heard_from:
            self.end()
            self._heard_from = room
            if room is not None:
                room.listeners = (*room.listeners, self._hear)

    def _hear(self, entry: TimelineEntry) -> None:
        if self._concerns(entry):
            self._fresh_dropped += len(self._fresh) == TIMELINE_ENTRIES
            self._fresh.append(entry)

    def _concerns(self, entry: TimelineEntry) -> bool:
        """For two: what they said to each other, and what happened to either of them."""
        if not self._focus:
            return True
        if len(self._focus) == 1:
            return self._focus[0] in (entry.peer, entry.to)
        if entry.peer not in self._focus:
            return False
        return not isinstance(entry.to, str) or entry.to in self._focus or entry.event in _CLAIMS

    def _timeline(self) -> tuple[list[TimelineEntry], int]:
        room = self._heard_from
        if room is None:
            return [], 0
        names = [name for name in self._focus if name in room.peers] if self._focus else list(room.peers)
        pairs: Sequence[PairTrail] = list(room.pairs.values())
        if len(self._focus) == 1:
            pairs = [pair for key, pair in room.pairs.items() if self._focus[0] in key]
        elif self._focus:
            between = room.between(*self._focus)
            pairs = [between] if between is not None else []
        entries = [entry for name in names for entry in room.peers[name].entries if self._concerns(entry)]
        entries += [entry for pair in pairs for entry in pair.entries]
        latest = nlargest(TIMELINE_ENTRIES, entries, key=_AT)
        return sorted(latest, key=_AT), len(entries) - len(latest)

    def _report(self, now: float) -> RoomReport:
        room = self._heard_from
        members = {member.peer_id: member for member in self._hub.members(self._room_id)}
        live = next(iter(members.values())).room if members else None
        pairs = _latest_pairs(room, members, now, self._focus)
        policy = live.policy.signal if live is not None and live.policy is not None else None
        return RoomReport(
            room_id=self._room_id,
            open=live is not None,
            peer_count=len(members),
            pair_count=len(room.pairs) if room is not None else 0,
            messages=live.forwarded if live is not None else 0,
            expires_at=live.expires_at if live is not None else 0,
            max_peers=live.max_peers if live is not None else 0,
            policy={role: list(roles) for role, roles in policy.items()} if policy is not None else None,
            refusals=dict(room.refusals) if room is not None else {},
            peers=_latest_peers(room, members, self._focus),
            pairs=pairs,
            focus=list(self._focus),
            diagnosis=_diagnosis(room, members, *self._focus, now=now) if len(self._focus) == 2 else None,
        )


def count_troubled(room: RoomChronicle, members: dict[str, Member], now: float) -> tuple[int, bool]:
    """How many pairs of a room did not get through, and whether that may change by waiting."""
    moods = [_diagnosed(room, members, pair, now).mood for pair in list(room.pairs.values())[-LISTED_PAIRS:]]
    return moods.count("trouble"), "waiting" in moods


def _others(before: list[Row], after: list[Row], key: Callable[[Row], object]) -> list[Row]:
    known = {key(row): row for row in before}
    return [row for row in after if known.get(key(row)) != row]


def _gone(before: list[PairReport], after: list[PairReport]) -> list[list[str]]:
    known = {(pair.a, pair.b) for pair in before} - {(pair.a, pair.b) for pair in after}
    return [list(pair) for pair in sorted(known)]


def _latest_peers(room: RoomChronicle | None, members: dict[str, Member], focus: tuple[str, ...]) -> list[PeerReport]:
    if room is None:
        return []
    trails = nlargest(
        LISTED_PEERS, room.peers.items(), key=lambda item: (item[0] in focus, not item[1].gone, item[1].since)
    )
    return [
        gone_report(name, trail) if name not in members else peer_report(members[name], trail) for name, trail in trails
    ]


def _latest_pairs(
    room: RoomChronicle | None, members: dict[str, Member], now: float, focus: tuple[str, ...]
) -> list[PairReport]:
    if room is None:
        return []
    latest = nlargest(
        LISTED_PAIRS, room.pairs.values(), key=lambda pair: ({pair.a, pair.b} == set(focus), pair.entries[-1].at)
    )
    return [
        PairReport(
            a=pair.a,
            b=pair.b,
            sent=pair.sent,
            received=pair.received,
            attempt=pair.attempt,
            last_at=pair.entries[-1].at,
            diagnosis=_diagnosed(room, members, pair, now),
        )
        for pair in latest
    ]


def _diagnosed(room: RoomChronicle, members: dict[str, Member], pair: PairTrail, now: float) -> Diagnosis:
    """Of what has not changed, the diagnosis that was made before."""
    versions = [room.peers[name].version if name in room.peers else 0 for name in (pair.a, pair.b)]
    basis = (pair.version, *versions)
    if pair.diagnosed is not None and pair.diagnosed[0] == basis and pair.diagnosed[1].mood != "waiting":
        return pair.diagnosed[1]
    diagnosis = _diagnosis(room, members, pair.a, pair.b, now=now)
    pair.diagnosed = (basis, diagnosis)
    return diagnosis


def _diagnosis(
    room: RoomChronicle | None, members: dict[str, Member], one: str, other: str, *, now: float
) -> Diagnosis:
    pair = room.between(one, other) if room is not None else None
    first, second = members.get(one), members.get(other)
    return diagnose(
        _party(room, members, one),
        _party(room, members, other),
        pair.entries if pair is not None else (),
        now=now,
        share_group=first is None or second is None or first.sees(second),
    )


def _party(room: RoomChronicle | None, members: dict[str, Member], peer_id: str) -> Party:
    member = members.get(peer_id)
    if member is not None:
        return Party(peer_id=peer_id, status=member.state)
    trail = room.peers.get(peer_id) if room is not None else None
    if trail is None:
        return Party(peer_id=peer_id, status="unknown")
    was_here = any(entry.event == "registered" for entry in trail.entries)
    left = next((entry for entry in reversed(trail.entries) if entry.event == "left"), None)
    last = trail.entries[-1]
    return Party(
        peer_id=peer_id,
        status="gone" if was_here or left is not None else "unknown",
        left_because=str(left.reason) if left is not None else "",
        turned_away=str(last.code) if last.event == "turned_away" else "",
        gone_at=trail.since,
    )

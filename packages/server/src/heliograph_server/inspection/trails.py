"""What is remembered of one peer, and of two: lists of entries that only grow so far."""

from typing import Final

from msgspec import UNSET

from heliograph_protocol import Diagnosis, Envelope, TimelineEntry

__all__ = ["ATTEMPTS", "PAIRS_OPENED", "PAIR_ENTRIES", "PEER_ENTRIES", "PairTrail", "PeerTrail"]

PEER_ENTRIES: Final = 64
"""Comings, goings, claims and refusals that are remembered of one peer."""

PAIR_ENTRIES: Final = 120
"""Signals that are remembered of two peers."""

PAIRS_OPENED: Final = 100
"""Others to whom one peer has sent the first signal: beyond that the oldest of those is forgotten."""

ATTEMPTS: Final = 16
"""Connections of two peers that are told apart by their names."""


class PeerTrail:
    """One name in a room: whoever had it, one after the other."""

    __slots__ = (
        "entries",
        "gone",
        "groups",
        "level",
        "pairs",
        "refusals",
        "role",
        "since",
        "version",
        "window",
        "window_left",
    )

    def __init__(self, since: float) -> None:
        self.entries: list[TimelineEntry] = []
        self.gone = True
        self.since = since
        """When its status became what it is, in Unix seconds."""
        self.role = ""
        self.level = 1
        self.groups: list[str] = []
        """These three are those that it left with."""
        self.pairs: dict[tuple[str, str], bool] = {}
        """The pairs that it is one of, the oldest first, and whether it has opened them."""
        self.refusals = 0
        self.version = 0
        """Grows with each change."""
        self.window = 0
        self.window_left = 0
        """Signals that are still to be recorded, in the window of that number."""

    @property
    def opened(self) -> list[tuple[str, str]]:
        """The pairs that it has opened, the oldest first."""
        return [key for key, opened in self.pairs.items() if opened]

    def add(self, entry: TimelineEntry) -> None:
        """Remember. What repeats itself is counted."""
        self.version += 1
        if self.entries and _repeats(entry, self.entries[-1]):
            counted = self.entries[-1].count + 1
            self.entries[-1] = TimelineEntry(
                at=entry.at, event=entry.event, peer=entry.peer, code=entry.code, said=entry.said, count=counted
            )
            return
        self.entries.append(entry)
        if len(self.entries) > PEER_ENTRIES:
            del self.entries[: PEER_ENTRIES // 4]


def _repeats(entry: TimelineEntry, before: TimelineEntry) -> bool:
    return (
        entry.event in ("refused", "turned_away")
        and (entry.event, entry.code, entry.said, entry.peer) == (before.event, before.code, before.said, before.peer)
        and entry.to == before.to
    )


class PairTrail:
    """Two peers, and what they signalled."""

    __slots__ = ("_attempts", "a", "attempt", "b", "diagnosed", "entries", "opener", "received", "sent", "version")

    def __init__(self, a: str, b: str, opener: str) -> None:
        self.a = a
        self.b = b
        self.opener = opener
        self.entries: list[TimelineEntry] = []
        self.sent = 0
        """Signals from a to b."""
        self.received = 0
        self.attempt = 0
        """How many connections the two have begun to make."""
        self._attempts: dict[int, int] = {}
        """The latest of them, by a hash of what the peers call them."""
        self.version = 0
        """Grows with each change."""
        self.diagnosed: tuple[object, Diagnosis] | None = None
        """The latest diagnosis, and what it was made from."""

    def attempt_of(self, envelope: Envelope, sender: str) -> tuple[int, bool]:
        """To which connection a signal belongs, counted from 1, and whether it offers the same one again."""
        offers = envelope.type == "offer"
        if envelope.connection_id is UNSET:
            if offers and not self._is_crossed_by_offer_of(sender):
                self.attempt += 1
            return self.attempt, False
        name = hash(bytes(envelope.connection_id))
        known = self._attempts.get(name)
        if known is not None:
            answered = any(entry.event == "answer" and entry.attempt == known for entry in self.entries)
            return known, offers and answered
        if offers:
            self.attempt += 1
            self._attempts[name] = self.attempt
            if len(self._attempts) > ATTEMPTS:
                del self._attempts[next(iter(self._attempts))]
        return self.attempt, False

    def add(self, entry: TimelineEntry) -> int:
        """Remember; by how many entries the trail has grown. Candidates are the first to be forgotten."""
        before = len(self.entries)
        self.entries.append(entry)
        if entry.peer == self.a:
            self.sent += 1
        else:
            self.received += 1
        self.version += 1
        if len(self.entries) > PAIR_ENTRIES:
            half = PAIR_ENTRIES // 2
            older = [kept for kept in self.entries[:half] if kept.event != "candidate"]
            self.entries = [*older[-half // 2 :], *self.entries[half:]]
        return len(self.entries) - before

    def _is_crossed_by_offer_of(self, sender: str) -> bool:
        """Whether the other one has just offered, without a name for it, and nobody has answered."""
        crossed = False
        for entry in reversed(self.entries):
            if entry.attempt != self.attempt:
                break
            if entry.event not in ("offer", "candidate") or entry.peer == sender:
                return False
            crossed = True
        return crossed

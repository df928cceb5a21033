"""What is remembered of one room."""

from collections.abc import Callable

from heliograph_protocol import TimelineEntry
from heliograph_server.inspection.trails import PairTrail, PeerTrail

__all__ = ["Pair", "RoomChronicle"]

Pair = tuple[str, str]
"""The names of two peers, in their order."""


class RoomChronicle:
    """The trails of a room's peers and pairs. `version` grows with each change."""

    __slots__ = ("gone", "listeners", "pairs", "peers", "refusals", "room_id", "version")

    def __init__(self, room_id: str) -> None:
        self.room_id = room_id
        self.peers: dict[str, PeerTrail] = {}
        self.gone: dict[str, None] = {}
        """Those of them who are not there, the longest gone first."""
        self.pairs: dict[Pair, PairTrail] = {}
        self.refusals: dict[str, int] = {}
        """How many messages were refused, by code."""
        self.version = 0
        self.listeners: tuple[Callable[[TimelineEntry], None], ...] = ()
        """Called with each new entry. They must not wait."""

    def between(self, one: str, other: str) -> PairTrail | None:
        """What two peers signalled, in either direction."""
        return self.pairs.get((one, other) if one < other else (other, one))

    def open(self, trail: PeerTrail, sender: str, target: str) -> PairTrail:
        """A peer signals another for the first time."""
        key = (sender, target) if sender < target else (target, sender)
        pair = self.pairs[key] = PairTrail(*key, opener=sender)
        trail.pairs[key] = True
        if target in self.peers:
            self.peers[target].pairs.setdefault(key, False)
        return pair

    def close(self, key: Pair) -> PairTrail:
        """Forget two peers' signals."""
        pair = self.pairs.pop(key)
        for name in key:
            if name in self.peers:
                self.peers[name].pairs.pop(key, None)
        self.version += 1
        return pair

    def count_refusal(self, code: str) -> None:
        """A message was refused, or a peer."""
        self.refusals[code] = self.refusals.get(code, 0) + 1
        self.version += 1

    def tell(self, entry: TimelineEntry) -> None:
        """There is a new entry."""
        self.version += 1
        for listener in self.listeners:
            listener(entry)

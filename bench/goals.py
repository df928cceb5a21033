"""What this server is meant to reach beside the others, and whether it does."""

from typing import Final

from msgspec import Struct

from bench.contestants import BASELINE, PEERSERVER, PICOWS, Contestant
from bench.data_channel import DATA_CHANNEL, PAGE
from bench.results import Results

__all__ = ["GOALS", "Goal"]


class Goal(Struct, frozen=True):
    """A bound for a median, or for its ratio to another server's median in the same run."""

    title: str
    scenario: str
    figure: str
    bound: float
    at_least: bool
    beside: Contestant | None = None
    absolute: str = ""
    """The unit of a bound that is not a ratio."""
    of: str = PICOWS.name
    """Whose median it is."""

    @property
    def unit(self) -> str:
        """Of the bound."""
        return f" {self.absolute}" if self.beside is None else f" times {self.beside.label}"

    def value(self, results: Results) -> float | None:
        """What was measured; None if it was not."""
        measured = results.scenarios.get(self.scenario)
        if measured is None or self.of not in measured.values:
            return None
        own = measured.median(self.of, self.figure)
        if self.beside is None:
            return own
        if self.beside.name not in measured.values:
            return None
        return own / measured.median(self.beside.name, self.figure)

    def reached(self, value: float) -> bool:
        """Whether that is enough."""
        return value >= self.bound if self.at_least else value <= self.bound


def _forward(size: int, pairs: int, bound: float, beside: Contestant) -> Goal:
    title = f"Forward, {size:,} bytes, {pairs:,} pairs"
    return Goal(title, f"forward-{size}-{pairs}", "messages_per_s", bound, at_least=True, beside=beside)


def _latency(scenario: str, when: str) -> Goal:
    return Goal(f"Latency at p99, {when}", scenario, "p99_ms", 1.0, at_least=False, beside=PEERSERVER)


GOALS: Final = (
    *(_forward(300, pairs, 1.5, PEERSERVER) for pairs in (100, 1000)),
    *(_forward(300, pairs, 6.0, BASELINE) for pairs in (100, 1000)),
    *(_forward(2000, pairs, 2.0, PEERSERVER) for pairs in (100, 1000)),
    _latency("latency-half", "each at half of its own maximum"),
    _latency("latency-same", "all at half of PeerServer's maximum"),
    Goal("Connect and register", "connects", "peers_per_s", 0.8, at_least=True, beside=PEERSERVER),
    Goal("Memory of a registered, idle peer", "memory", "kib_per_peer", 16.0, at_least=False, absolute="KiB"),
    Goal("From the demo page's load to an open data channel", DATA_CHANNEL, "ms", 600.0, False, absolute="ms", of=PAGE),
)

"""What is measured: the scenarios, and for how long each."""

from typing import Final

from msgspec import Struct

from bench.contestants import ASGI, BASELINE, MIRROR, PEERSERVER, PICOWS, PICOWS_2, Contestant
from bench.load.job import Kind

__all__ = ["SCENARIOS", "Scale", "Scenario"]

ALL: Final = (PICOWS, PICOWS_2, ASGI, PEERSERVER, BASELINE)
FIRST_LEVEL: Final = (PICOWS, ASGI, PEERSERVER, BASELINE)


class Scale(Struct, frozen=True):
    """How large a run is: the one that is published, or one to try things out."""

    rounds: int
    seconds: float
    warm_up_s: float
    crowd: int
    """Peers where there are many."""
    attempts: int
    """How often a round is measured that others disturb, at most; the least disturbed one counts."""


FULL: Final = Scale(rounds=7, seconds=1.5, warm_up_s=0.4, crowd=5000, attempts=8)
SHORT: Final = Scale(rounds=1, seconds=1.0, warm_up_s=0.3, crowd=500, attempts=1)


class Scenario(Struct, frozen=True):
    """One question, asked of several servers."""

    name: str
    title: str
    kind: Kind
    contestants: tuple[Contestant, ...]
    figure: str
    """The value of the result that the table shows first."""
    unit: str
    more_is_better: bool
    peers: int = 0
    """0 for the scale's crowd."""
    room_size: int = 2
    options: dict[str, float | int] = {}
    rate_of: str = ""
    """Open loop: half of the maximum rate of the contestant itself, or of the one that is named."""
    timed: bool = False
    """Whether it runs for the scale's seconds."""


def _closed(size: int, pairs: int) -> Scenario:
    return Scenario(
        name=f"forward-{size}-{pairs}",
        title=f"Forward, {size:,} bytes, {pairs:,} pairs",
        kind="closed_loop",
        contestants=(*ALL, MIRROR),
        figure="messages_per_s",
        unit="messages/s",
        more_is_better=True,
        peers=2 * pairs,
        options={"size": size},
        timed=True,
    )


def _open(name: str, title: str, rate_of: str) -> Scenario:
    return Scenario(
        name=name,
        title=title,
        kind="open_loop",
        contestants=(*ALL, MIRROR),
        figure="p99_ms",
        unit="ms at p99",
        more_is_better=False,
        peers=200,
        options={"size": 300},
        rate_of=rate_of,
        timed=True,
    )


SCENARIOS: Final = (
    _closed(300, 100),
    _closed(2000, 100),
    _closed(300, 1000),
    _closed(2000, 1000),
    _open("latency-half", "Latency at half of each server's own maximum, 300 bytes, 100 pairs", "itself"),
    _open("latency-same", "Latency at half of PeerServer's maximum, for all, 300 bytes, 100 pairs", "peerserver"),
    Scenario(
        name="connects",
        title="Connect and register",
        kind="connects",
        contestants=FIRST_LEVEL,
        figure="peers_per_s",
        unit="peers/s",
        more_is_better=True,
        peers=3200,
        room_size=100,
        options={"warm_up": 200, "at_once": 50},
    ),
    Scenario(
        name="memory",
        title="Memory of a registered, idle peer",
        kind="idle_memory",
        contestants=ALL,
        figure="kib_per_peer",
        unit="KiB a peer",
        more_is_better=False,
        room_size=10,
        options={"warm_up": 100, "at_once": 50},
    ),
    Scenario(
        name="fan-out",
        title="One change heard by all others in a room of 1,000",
        kind="fan_out",
        contestants=(PICOWS_2,),
        figure="p50_ms",
        unit="ms until the last has heard it",
        more_is_better=False,
        peers=1000,
        room_size=1000,
        options={"at_once": 50, "updates": 60},
    ),
    Scenario(
        name="storm",
        title="Everyone comes back at once",
        kind="storm",
        contestants=ALL,
        figure="seconds",
        unit="s until the last is registered",
        more_is_better=False,
        room_size=10,
        options={"at_once": 50},
    ),
    Scenario(
        name="slow-reader",
        title="A thousand peers beside one that reads nothing",
        kind="slow_reader",
        contestants=FIRST_LEVEL,
        figure="beside_per_s",
        unit="messages/s beside it",
        more_is_better=True,
        peers=1002,
        timed=True,
    ),
)

"""What nodes need between them: a way to send to each other, and a registry that outlives each of them.

`RedisBus` is both. Neither knows anything of peers or messages.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from heliograph_server.errors import Unavailable

__all__ = [
    "INTRODUCE_S",
    "Bus",
    "BusListener",
    "BusUnavailable",
    "Changes",
    "Fields",
    "Home",
    "Lease",
    "Registry",
    "Taken",
    "Tokens",
]

INTRODUCE_S: Final = 60.0

Fields = Mapping[bytes, bytes]
"""What is kept of a room: see `room_state`."""


class BusUnavailable(Unavailable):
    """The bus did not answer in time, or does not answer at the moment."""


class Home(Struct, frozen=True):
    """Where a room's truth is. The epoch is another, and a higher one, each time that a node takes the room."""

    node: str
    epoch: int

    def later(self) -> "Home":
        """The same node, in its next epoch."""
        return Home(self.node, self.epoch + 1)


class Taken(Struct, frozen=True):
    """Whose home the room is after someone has tried to take it, and what is kept of it if that was a success."""

    home: Home
    won: bool
    fields: Fields


class Lease(Struct, frozen=True):
    """Which nodes are alive. `lost`: this one was not, for a while."""

    nodes: frozenset[str]
    lost: bool


class Changes(Struct, frozen=True):
    """What has become different of a room since the last commit."""

    written: Sequence[tuple[bytes, bytes]]
    removed: Sequence[bytes] = ()


class BusListener(Protocol):
    """Whoever is told what happens on the bus. The methods return at once."""

    def received(self, batch: bytes) -> None:
        """Another node has sent this."""

    def unheard(self, node: str) -> None:
        """Nobody hears what is sent to that node."""

    def bus_lost(self) -> None:
        """The bus does not answer. What was published last may or may not have arrived."""

    def bus_back(self) -> None:
        """It answers again. What others have sent meanwhile is lost."""


class Bus(Protocol):
    """Sends to nodes. A batch arrives once, in order, or not at all: who needs to know numbers them."""

    published: int
    """Batches so far."""
    published_bytes: int
    outages: int
    """How often it was lost."""
    answer_s: float
    """How long it took to answer last."""

    @property
    def up(self) -> bool:
        """Whether it answers at the moment."""

    def publish(self, node: str, batch: bytes) -> None:
        """Send to a node, with all else that is sent in this turn of the event loop. Returns at once."""

    async def run(self, node: str, listener: BusListener) -> None:
        """Be that node, and receive what is sent to it, for as long as this is awaited."""


class Tokens(Protocol):
    """Token buckets that all nodes share."""

    async def spend(self, bucket: str, rate_per_s: float, burst: float) -> float:
        """Take a token: 0, or the seconds until there is one. Raises `BusUnavailable`."""


class Registry(Protocol):
    """Keeps which nodes are alive and what they say of themselves, whose home each room is, and what is kept of it.

    Every method raises `BusUnavailable`. Commits take effect in the order in which they were asked for.
    """

    async def renew(self, node: str, lease_s: float) -> Lease:
        """This node is alive, for that long at least."""

    async def retire(self, node: str) -> None:
        """This node ends."""

    async def introduce(self, node: str, words: bytes) -> None:
        """What this node says of itself. To be repeated every `INTRODUCE_S`."""

    async def introductions(self, nodes: Sequence[str]) -> list[bytes | None]:
        """What each of the nodes has said of itself."""

    async def home(self, room_id: str) -> Home | None:
        """Whose home the room is."""

    async def take(self, room_id: str, node: str, instead_of: Home | None) -> Taken:
        """Make the room a node's, if it is nobody's or still `instead_of`, whose node is dead."""

    def commit(self, room_id: str, home: Home, changes: Changes) -> "asyncio.Future[bool]":
        """Write changes, all or none; False, and none, if the room is not at that home any more."""

    def reclaim(self, room_id: str, home: Home, fields: Fields) -> "asyncio.Future[bool]":
        """Write everything anew, after an outage for instance; False if the room is at another home by now.

        `home` is the same node in a later epoch: commits of the epoch before, which may still be on their way through
        a network that was slow, have no effect any more.
        """

    async def release(self, room_id: str, home: Home, *, forget: bool) -> None:
        """Let the room go, if it is still there; `forget` all that is kept of it, or leave that to the next home."""

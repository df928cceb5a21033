"""What the load is asked to do."""

from typing import Literal

from msgspec import Struct

from bench.dialects import Dialect
from bench.load.meters import Served

__all__ = ["Job", "Kind"]

Kind = Literal["closed_loop", "open_loop", "slow_reader", "connects", "idle_memory", "storm", "fan_out"]


class Job(Struct, frozen=True):
    """One measurement of one server."""

    kind: Kind
    port: int
    pid: int
    """The server's process."""
    dialect: Dialect
    options: dict[str, float | int]
    """The keyword arguments of the function that measures."""
    processes: int = 1
    """Of the load, 1 or 2."""
    ports: list[int] = []
    """Of a cluster's nodes: peers go to one after the other, those with even numbers first. None: all to `port`."""
    nodes: list[int] = []
    """Processes of all nodes, if there are several."""
    bus: int | None = None
    """The process of a cluster's bus."""
    sleeps: bool = False
    """Whether the load sleeps while nothing comes: it has to where it shares its core."""
    cores: list[int] = []
    """For two processes of the load: the core of each, which has the pairs of the node in the same place."""

    @property
    def served(self) -> Served:
        """The processes that the measurement is about."""
        return Served(self.nodes or [self.pid], self.bus)

"""What the load is asked to do."""

from typing import Literal

from msgspec import Struct

from bench.dialects import Dialect

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

"""What a stretch of time cost: the server's processor, the load's, and what others took."""

import os
import time

from msgspec import Struct

from bench.machine import busy_seconds, cpu_seconds, stolen_seconds, waiting_seconds

__all__ = ["Cost", "Meter", "Served"]


class Served(Struct, frozen=True):
    """The processes of a server: its nodes, and the bus between them, if there is one."""

    nodes: list[int]
    bus: int | None = None


class Cost(Struct, frozen=True, omit_defaults=True):
    """Shares of one core, 0 to 1."""

    seconds: float
    server_cpu: float
    """Of all its nodes together."""
    load_cpu: float
    """What it had to do, without looking for answers that were not there yet."""
    disturbed: float
    """For how much of the time the server or the load had to wait because of others, at most.

    They waited for their core, other processes of this machine had it (what a server's own threads take from each other
    is its own affair), or the hypervisor gave it to another machine.
    """
    bus_cpu: float = 0.0


class Meter:
    """Started with the load, read at its end."""

    def __init__(self, server: int | Served) -> None:
        self._served = Served([server]) if isinstance(server, int) else server
        self._server = self._server_seconds()
        self._bus = self._bus_seconds()
        self._load = time.process_time()
        self._busy = busy_seconds()
        self._stolen = stolen_seconds()
        self._waiting = self._waiting_seconds()
        self._started = time.perf_counter()

    def read(self, *, idle: float = 0.0) -> Cost:
        """The cost since the start. The load may have had its core without anything to do for so many seconds."""
        seconds = time.perf_counter() - self._started
        waited = self._waiting_seconds() - self._waiting
        server = self._server_seconds() - self._server
        bus = self._bus_seconds() - self._bus
        load = time.process_time() - self._load
        others = max(0.0, busy_seconds() - self._busy - server - bus - load)
        disturbed = min(waited, others) + stolen_seconds() - self._stolen
        return Cost(
            seconds=round(seconds, 4),
            server_cpu=round(server / seconds, 4),
            load_cpu=round(max(0.0, load - idle) / seconds, 4),
            disturbed=round(disturbed / seconds, 4),
            bus_cpu=round(bus / seconds, 4),
        )

    def _server_seconds(self) -> float:
        return sum(map(cpu_seconds, self._served.nodes))

    def _bus_seconds(self) -> float:
        return 0.0 if self._served.bus is None else cpu_seconds(self._served.bus)

    def _waiting_seconds(self) -> float:
        return sum(map(waiting_seconds, self._served.nodes)) + waiting_seconds(os.getpid())

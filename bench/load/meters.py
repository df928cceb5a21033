"""What a stretch of time cost: the server's processor, the load's, and what others took."""

import os
import time

from msgspec import Struct

from bench.machine import busy_seconds, cpu_seconds, stolen_seconds, waiting_seconds

__all__ = ["Cost", "Meter"]


class Cost(Struct, frozen=True):
    """Shares of one core, 0 to 1."""

    seconds: float
    server_cpu: float
    load_cpu: float
    """What it had to do, without looking for answers that were not there yet."""
    disturbed: float
    """For how much of the time the server or the load had to wait because of others, at most.

    They waited for their core, other processes of this machine had it (what a server's own threads take from each other
    is its own affair), or the hypervisor gave it to another machine.
    """


class Meter:
    """Started with the load, read at its end."""

    def __init__(self, server_pid: int) -> None:
        self._pid = server_pid
        self._server = cpu_seconds(server_pid)
        self._load = time.process_time()
        self._busy = busy_seconds()
        self._stolen = stolen_seconds()
        self._waiting = self._waiting_seconds()
        self._started = time.perf_counter()

    def read(self, *, idle: float = 0.0) -> Cost:
        """The cost since the start. The load may have had its core without anything to do for so many seconds."""
        seconds = time.perf_counter() - self._started
        waited = self._waiting_seconds() - self._waiting
        server = cpu_seconds(self._pid) - self._server
        load = time.process_time() - self._load
        others = max(0.0, busy_seconds() - self._busy - server - load)
        disturbed = min(waited, others) + stolen_seconds() - self._stolen
        return Cost(
            seconds=round(seconds, 4),
            server_cpu=round(server / seconds, 4),
            load_cpu=round(max(0.0, load - idle) / seconds, 4),
            disturbed=round(disturbed / seconds, 4),
        )

    def _waiting_seconds(self) -> float:
        return waiting_seconds(self._pid) + waiting_seconds(os.getpid())

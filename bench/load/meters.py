"""What a stretch of time cost: the server's processor, the load's, and what others took."""

import time

from msgspec import Struct

from bench.machine import busy_seconds, cpu_seconds, stolen_seconds

__all__ = ["Cost", "Meter"]


class Cost(Struct, frozen=True):
    """Shares of one core, 0 to 1; `elsewhere` and `stolen` over all cores."""

    seconds: float
    server_cpu: float
    load_cpu: float
    elsewhere: float
    """What went to other processes of this machine."""
    stolen: float
    """What went to other machines of the same host."""


class Meter:
    """Started with the load, read at its end."""

    def __init__(self, server_pid: int) -> None:
        self._pid = server_pid
        self._server = cpu_seconds(server_pid)
        self._stolen = stolen_seconds()
        self._busy = busy_seconds()
        self._load = time.process_time()
        self._started = time.perf_counter()

    def read(self) -> Cost:
        """The cost since the start."""
        seconds = time.perf_counter() - self._started
        server = cpu_seconds(self._pid) - self._server
        load = time.process_time() - self._load
        others = busy_seconds() - self._busy - server - load
        return Cost(
            seconds=round(seconds, 4),
            server_cpu=round(server / seconds, 4),
            load_cpu=round(load / seconds, 4),
            elsewhere=round(max(0.0, others) / seconds, 4),
            stolen=round((stolen_seconds() - self._stolen) / seconds, 4),
        )

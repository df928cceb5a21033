"""How a node is, as far as it can tell by itself."""

import os
import resource
import sys
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Final

from heliograph_protocol import NodeReport
from heliograph_server.ops.metrics import LATENCY_BUCKETS_S, SignalingMetrics

__all__ = ["NodeMeter"]

_STATM: Final = Path("/proc/self/statm")


class NodeMeter:
    """Measures between two reports. `tasks` counts those of the event loop."""

    def __init__(self, metrics: SignalingMetrics, version: str, *, tasks: Callable[[], int]) -> None:
        self._metrics = metrics
        self._tasks = tasks
        self._version = version
        self._started = self._last_wall = time.monotonic()
        self._last_cpu = time.process_time()
        self._cpu_percent = 0.0
        self._worst_lag_s = 0.0
        self.status = "ready"
        """Or why the node should get no traffic."""

    def late(self, seconds: float) -> None:
        """The event loop did something that much later than it should have."""
        self._worst_lag_s = max(self._worst_lag_s, seconds)

    def report(self) -> NodeReport:
        """How it is. The next report tells of the time from here on."""
        wall, cpu = time.monotonic(), time.process_time()
        if wall > self._last_wall:
            self._cpu_percent = round(100 * (cpu - self._last_cpu) / (wall - self._last_wall), 1)
        self._last_wall, self._last_cpu = wall, cpu
        lag_s, self._worst_lag_s = self._worst_lag_s, 0.0
        return NodeReport(
            version=self._version,
            status=self.status,
            uptime_s=int(wall - self._started),
            cpu_percent=self._cpu_percent,
            memory_bytes=_memory_bytes(),
            loop_lag_ms=round(1000 * lag_s, 1),
            connections=self._metrics.connections,
            tasks=self._tasks(),
            forward_p50_us=self._quantile_us(0.5),
            forward_p99_us=self._quantile_us(0.99),
        )

    def _quantile_us(self, share: float) -> float:
        """The upper bound of the bucket that the quantile is in; 0 before anything was measured."""
        counts = self._metrics.latency_counts
        wanted = share * sum(counts)
        bounds = (*LATENCY_BUCKETS_S, LATENCY_BUCKETS_S[-1])
        if not wanted:
            return 0.0
        return next(1e6 * bound for bound, total in zip(bounds, accumulate(counts), strict=True) if total >= wanted)


def _memory_bytes() -> int:
    """What the process has in memory; where that is not told, the most that it ever had."""
    try:
        return int(_STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

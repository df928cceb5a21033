"""A Redis of the benchmark's own, and what it counts of itself."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from redis import Redis

from bench.machine import pin_all, prefer

__all__ = ["Bus", "Count", "running_bus"]

ROOT = Path(__file__).parents[2]


class Count(Struct, frozen=True):
    """What a bus has done: since it was started, or between two moments."""

    publishes: float = 0.0
    scripts: float = 0.0
    """Calls of a script."""
    reads: float = 0.0
    """Questions where a room's home is."""
    bytes_in: float = 0.0
    bytes_out: float = 0.0
    cpu_us: float = 0.0
    memory: float = 0.0
    """Bytes."""

    @property
    def commands(self) -> float:
        """All that it was asked."""
        return self.publishes + self.scripts + self.reads

    def plus(self, other: "Count", times: float = 1.0) -> "Count":
        """Both together, the other one so many times."""
        mine, its = (tuple(getattr(count, name) for name in Count.__struct_fields__) for count in (self, other))
        return Count(*(a + times * b for a, b in zip(mine, its, strict=True)))

    def times(self, factor: float) -> "Count":
        """So many times that."""
        return Count().plus(self, factor)


class Bus:
    """A running Redis."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client: Any = Redis.from_url(url)
        self.pid: int = self._client.info("server")["process_id"]
        self.version: str = self._client.info("server")["redis_version"]

    def count(self) -> Count:
        """What it has done so far, but for what was asked here."""
        found = self._client.info("commandstats", "stats", "cpu", "memory")

        def calls(name: str) -> int:
            return int(found.get(f"cmdstat_{name}", {}).get("calls", 0))

        scripts = calls("evalsha") + calls("eval")
        # Each script that is about a room asks once where its home is; the one that is not is the only one to ZADD.
        inner_reads = scripts - calls("zadd")
        return Count(
            publishes=calls("publish"),
            scripts=scripts,
            reads=calls("get") - inner_reads,
            bytes_in=found["total_net_input_bytes"],
            bytes_out=found["total_net_output_bytes"],
            cpu_us=1e6 * (found["used_cpu_sys"] + found["used_cpu_user"]),
            memory=found["used_memory"],
        )

    def since(self, before: Count) -> Count:
        """What it has done since then, without what looking costs."""
        now, later = self.count(), self.count()
        look = later.plus(now, -1.0)
        look = Count(bytes_in=look.bytes_in, bytes_out=look.bytes_out, cpu_us=look.cpu_us)
        return now.plus(before, -1.0).plus(look, -1.0)

    def close(self) -> None:
        """Look no more."""
        self._client.close()


@contextlib.contextmanager
def running_bus(cores: set[int]) -> Iterator[Bus]:
    """A Redis on these cores that keeps nothing on disk."""
    sys.path.insert(0, str(ROOT / "tests"))
    from redis_server import RedisServer, free_port  # noqa: PLC0415 - where the tests have it

    with tempfile.TemporaryDirectory(prefix="heliograph-bus-") as folder:
        server = RedisServer(Path(folder), free_port())
        asyncio.run(server.start())
        try:
            bus = Bus(server.url)
            pin_all(bus.pid, cores)
            prefer(bus.pid, restless=True)  # it shares its core
            with contextlib.closing(bus):
                yield bus
        finally:
            server.kill()

"""Nodes of a cluster as processes, and worker processes, each on the cores that it is given."""

import asyncio
import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from bench.cluster.bus import Bus, running_bus
from bench.contestants import await_end, free_port, heliograph_passes, serve_command
from bench.dialects import Dialect
from bench.machine import pin, pin_all, prefer

__all__ = ["Cluster", "running_cluster", "running_workers"]

START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 25.0
POLL_S: Final = 0.05


class Cluster(Struct, frozen=True):
    """Nodes that run; a single one if there is no bus."""

    ports: list[int]
    pids: list[int]
    bus: Bus | None
    dialect: Dialect


@contextlib.contextmanager
def running_cluster(
    nodes: Sequence[set[int]],
    *,
    bus_cores: set[int] | None,
    level: int,
    room_sizes: Sequence[int],
    resume_window_s: int = 30,
) -> Iterator[Cluster]:
    """So many nodes, each on its cores, with rooms for peers of that level.

    If the bus has no cores there is none, and they know nothing of each other.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heliograph-bench-")))
        dialect = Dialect("heliograph", level, asyncio.run(heliograph_passes(folder, room_sizes)))
        bus = None if bus_cores is None else stack.enter_context(running_bus(bus_cores))
        ports = [free_port() for _ in nodes]
        logs = [folder / f"log-{port}" for port in ports]
        processes = [
            stack.enter_context(
                _process(serve_command(port, folder, resume_window_s=resume_window_s), cores, bus, log, gently=False)
            )
            for port, cores, log in zip(ports, nodes, logs, strict=True)
        ]
        others = 0 if bus is None else len(nodes) - 1
        for log, process in zip(logs, processes, strict=True):
            _await_words(log, process, {"server.listening": 1, "cluster.node_found": others})
        yield Cluster(ports, [process.pid for process in processes], bus, dialect)


@contextlib.contextmanager
def running_workers(
    workers: Sequence[set[int]], *, bus_cores: set[int], level: int, room_sizes: Sequence[int]
) -> Iterator[Cluster]:
    """`serve --workers N` on one port, each worker on its cores."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heliograph-bench-")))
        dialect = Dialect("heliograph", level, asyncio.run(heliograph_passes(folder, room_sizes)))
        bus = stack.enter_context(running_bus(bus_cores))
        port, log, count = free_port(), folder / "log", len(workers)
        command = serve_command(port, folder, workers=count)
        supervisor = stack.enter_context(_process(command, set.union(*workers), bus, log, gently=True))
        _await_words(log, supervisor, {"server.listening": count, "cluster.node_found": count * (count - 1)})
        pids = _grandchildren(supervisor.pid)
        if len(pids) != count:
            raise RuntimeError(f"There are {len(pids)} processes, not {count}")
        for pid, cores in zip(pids, workers, strict=True):
            pin_all(pid, cores)
        yield Cluster([port], pids, bus, dialect)


@contextlib.contextmanager
def _process(
    command: list[str], cores: set[int], bus: Bus | None, log: Path, *, gently: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is killed in the end, or asked to end, because others belong to it."""

    def prepare() -> None:
        pin(cores)
        prefer(restless=True)  # several share a core

    env = dict(os.environ) if bus is None else {**os.environ, "HELIOGRAPH_CLUSTER_URL": bus.url}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            preexec_fn=prepare,  # noqa: PLW1509 - no threads here
        )
    try:
        yield process
    finally:
        if gently:
            process.terminate()
        else:
            process.kill()
        await_end(process, STOP_TIMEOUT_S)


def _await_words(log: Path, process: subprocess.Popen[bytes], words: dict[str, int]) -> None:
    """Wait until all of that is in the log, so often."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        text = log.read_text("utf-8", errors="replace")
        if all(text.count(f'"{word}"') >= count for word, count in words.items()):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"The server does not come up: {text[-2000:]}")
        time.sleep(POLL_S)


def _grandchildren(pid: int) -> list[int]:
    """The workers: a process from which they are forked is between them and the supervisor."""
    return sorted(grandchild for child in _children(pid) for grandchild in _children(child))


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text("ascii").split()]
    return found

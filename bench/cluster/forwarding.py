"""Messages through nodes: within one, from one to another, and through two workers on two cores."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from msgspec import Struct

from bench.cluster.nodes import Cluster, running_cluster, running_workers
from bench.load.job import Job
from bench.load.pairs import quantiles
from bench.machine import SERVER_CORE
from bench.steadiness import Watch, watching

__all__ = ["CREWS", "CROSSINGS", "Crew", "Crossing", "measure_crew", "measure_crossing", "while_steady"]

PAIRS: Final = 100
SIZE: Final = 300
LOAD_CORE: Final = 1
JOB_TIMEOUT_S: Final = 120


class Crossing(Struct, frozen=True):
    """Pairs, and how many nodes are between the two of a pair. All nodes share one core: rates are for a core."""

    name: str
    label: str
    level: int
    nodes: int
    bus: bool


CROSSINGS: Final = tuple(
    Crossing(f"{name}-{level}", f"{label}, level {level}", level, nodes, bus)
    for level in (1, 2)
    for name, label, nodes, bus in (
        ("alone", "One node, no bus", 1, False),
        ("same", "One node of a cluster", 1, True),
        ("cross", "Two nodes, each pair on both", 2, True),
    )
)


class Crew(Struct, frozen=True):
    """Processes on one machine, each with a load of its own on its core."""

    name: str
    label: str
    level: int
    workers: int
    bus: bool
    together: bool = True
    """Whether they are one server."""


CREWS: Final = (
    Crew("crew-1-1", "One process, level 1", 1, 1, bus=False),
    Crew("crew-2-1", "Two processes, level 1", 1, 2, bus=True),
    Crew("apart-1", "Two servers that know nothing of each other, level 1", 1, 2, bus=False, together=False),
    Crew("crew-1-2", "One process, level 2", 2, 1, bus=False),
    Crew("crew-1-2-bus", "One process that writes to a bus, level 2", 2, 1, bus=True),
    Crew("crew-2-2", "Two processes, level 2", 2, 2, bus=True),
    Crew("apart-2", "Two servers that know nothing of each other, level 2", 2, 2, bus=False, together=False),
)


def measure_crossing(crossing: Crossing, rate: float | None, *, warm_up_s: float, seconds: float) -> dict[str, Any]:
    """As fast as the answers come; with a rate, at that rate, see `while_steady`."""
    nodes = [{SERVER_CORE}] * crossing.nodes
    bus_cores = {LOAD_CORE} if crossing.bus else None
    with running_cluster(nodes, bus_cores=bus_cores, level=crossing.level, room_sizes=[2] * PAIRS) as cluster:
        first, last = cluster.ports[0], cluster.ports[-1]
        options: dict[str, float | int] = {"size": SIZE, "warm_up_s": warm_up_s, "seconds": seconds}
        # Half of the rooms are at home at each. The load never sleeps, unless the bus is on its core too.
        job = _job(cluster, options, ports=[first, last, last, first], sleeps=crossing.bus)
        if rate is None:
            return _carry_out(job)
        options |= {"rate": rate, "timeline": 1}
        job = msgspec.structs.replace(job, kind="open_loop", options=options)
        with watching({SERVER_CORE, LOAD_CORE}) as watch:
            value = _carry_out(job)
        return while_steady(value, watch)


def while_steady(value: dict[str, Any], watch: Watch) -> dict[str, Any]:
    """The quantiles of the messages that were due while the machine kept its pace; those of all have `all_` before.

    `steady` is the part of the messages that count.
    """
    timeline = value.pop("timeline")
    counts = [took for due, took in timeline if watch.steady(due)]
    of_all = quantiles([took for _, took in timeline])
    found = quantiles(counts) if counts else of_all
    return (
        value | {f"all_{name}": took for name, took in of_all.items()} | found | {"steady": len(counts) / len(timeline)}
    )


def measure_crew(crew: Crew, *, warm_up_s: float, seconds: float) -> dict[str, Any]:
    """As fast as the answers come. Each core has a worker and a load, so that the load is not what limits."""
    cores = list(range(crew.workers))
    with _crew(crew) as cluster:
        options: dict[str, float | int] = {"size": SIZE, "warm_up_s": warm_up_s, "seconds": seconds}
        peers = len(cluster.dialect.passes) // len(cluster.ports)
        ports = [port for port in cluster.ports for _ in range(peers)]  # to each server its own load
        job = _job(cluster, options, ports=ports, sleeps=True, processes=crew.workers, cores=cores)
        return _carry_out(job, cores=cores)


@contextmanager
def _crew(crew: Crew) -> Iterator[Cluster]:
    room_sizes = [2] * PAIRS * crew.workers
    cores = [{core} for core in range(crew.workers)]
    if crew.workers == 1 or not crew.together:
        bus_cores = {0} if crew.bus else None
        with running_cluster(cores, bus_cores=bus_cores, level=crew.level, room_sizes=room_sizes) as cluster:
            yield cluster
    else:
        with running_workers(cores, bus_cores={LOAD_CORE}, level=crew.level, room_sizes=room_sizes) as cluster:
            yield cluster


def _job(cluster: Cluster, options: dict[str, float | int], **more: Any) -> Job:
    return Job(
        "closed_loop",
        cluster.ports[0],
        cluster.pids[0],
        cluster.dialect,
        options,
        nodes=cluster.pids,
        bus=None if cluster.bus is None else cluster.bus.pid,
        **more,
    )


def _carry_out(job: Job, cores: list[int] | None = None) -> dict[str, Any]:
    on = ",".join(map(str, cores or [LOAD_CORE]))
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(msgspec.json.encode(job))
        file.flush()
        answer = subprocess.run(
            ["taskset", "--cpu-list", on, sys.executable, "-m", "bench.load", file.name],
            stdout=subprocess.PIPE,
            timeout=JOB_TIMEOUT_S,
            check=True,
        )
    value: dict[str, Any] = msgspec.json.decode(answer.stdout)
    cost = value["cost"]
    messages_per_s = value.get("messages_per_s", value.get("rate", 0.0))
    value["server_us"] = 1e6 * cost["server_cpu"] / messages_per_s
    value["bus_us"] = 1e6 * cost.get("bus_cpu", 0.0) / messages_per_s
    return value

"""What each thing that happens costs the bus and the nodes, one after the other, so that nothing is sent together."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from bench.cluster.bus import Bus, Count
from bench.cluster.nodes import Cluster, running_cluster
from bench.cluster.talker import Talker, come, exchange
from bench.dialects import Dialect
from bench.load.wires import drain, open_all
from bench.machine import SERVER_CORE, resident_bytes, running_us

__all__ = ["OTHERS", "SIZES", "Spent", "idle_costs", "memory_costs", "message_costs", "news_costs", "saved"]

T = TypeVar("T")

BUS_CORE: Final = 1
SIZES: Final = (300, 2000)
SETTLE_S: Final = 1.0
"""How long what is put off may take, before it is looked at what something has cost."""
AT_ONCE: Final = 50
APART_S: Final = 0.004

OTHERS: Final = 8
"""Listeners to someone's changes, where there are several."""


class Spent(Struct, frozen=True):
    """What something has cost, a time that it happened or a second."""

    bus: Count
    node_us: float
    """Of the processor, over all nodes."""

    def plus(self, other: "Spent", times: float = 1.0) -> "Spent":
        """Both together, the other one so many times."""
        return Spent(self.bus.plus(other.bus, times), self.node_us + times * other.node_us)


class _Look:
    """Says what was spent, beside what these nodes spend when nothing happens."""

    def __init__(self, cluster: Cluster, bus: Bus) -> None:
        self._cluster = cluster
        self._bus = bus
        self.idle = Spent(Count(), 0.0)

    def rest(self, seconds: float) -> Spent:
        """See what is spent in a second in which nothing happens."""
        started, before = time.perf_counter(), self._now()
        time.sleep(seconds)
        spent = self._since(before)
        return Spent(Count(), 0.0).plus(spent, 1 / (time.perf_counter() - started))

    def spent(self, times: int, act: Callable[[], T]) -> tuple[Spent, T]:
        """What one of so many things cost that `act` does, and what that returns."""
        started, before = time.perf_counter(), self._now()
        result = act()
        time.sleep(SETTLE_S)
        spent = self._since(before)
        own = spent.plus(self.idle, -(time.perf_counter() - started))
        return Spent(Count(), 0.0).plus(own, 1 / times), result

    def _now(self) -> Spent:
        return Spent(self._bus.count(), self._node_us())

    def _since(self, before: Spent) -> Spent:
        return Spent(self._bus.since(before.bus), self._node_us() - before.node_us)

    def _node_us(self) -> float:
        return sum(map(running_us, self._cluster.pids))


@contextmanager
def _nodes(count: int, room_sizes: Sequence[int], rest_s: float) -> Iterator[tuple[Cluster, Bus, _Look]]:
    nodes = [{SERVER_CORE}] * count
    with running_cluster(nodes, bus_cores={BUS_CORE}, level=1, room_sizes=room_sizes, resume_window_s=1) as cluster:
        if cluster.bus is None:
            raise ValueError("There is no cluster without a bus")
        look = _Look(cluster, cluster.bus)
        time.sleep(SETTLE_S)
        look.idle = look.rest(rest_s)
        yield cluster, cluster.bus, look


def idle_costs(rest_s: float) -> dict[str, Spent]:
    """What a node spends a second, by how many nodes there are."""
    found = {}
    for count in (1, 3):
        with _nodes(count, [2], rest_s) as (_, _, look):
            found[f"idle.{count}"] = Spent(Count(), 0.0).plus(look.idle, 1 / count)
    return found


def message_costs(rooms: int, messages: int, rest_s: float) -> dict[str, Spent]:
    """A worker is in each room, at its home; a client comes, at the home or at another node, talks to it, and goes."""
    found: dict[str, Spent] = {}
    with _nodes(2, [2] * rooms, rest_s) as (cluster, _, look):
        first, second = (Dialect("heliograph", level, cluster.dialect.passes) for level in (1, 2))
        theirs, ours = range(0, 2 * rooms, 2), range(1, 2 * rooms, 2)
        home = cluster.ports[0]
        for far, port in enumerate(cluster.ports):
            found["open.1"], workers = look.spent(rooms, partial(come, home, first, theirs))
            found[f"join.1.{far}"], clients = look.spent(rooms, partial(come, port, first, ours))
            for size in SIZES:
                found[f"message.1.{far}.{size}"] = _talk(look, workers, clients, messages, size)
            found[f"leave.1.{far}"], _ = look.spent(rooms, partial(_apart, clients, Talker.cut))
            found[f"join.2.{far}"], clients = look.spent(rooms, partial(come, port, second, ours))
            _each(clients, Talker.catch_up)
            found[f"leave.2.{far}"], _ = look.spent(rooms, partial(_each, clients, Talker.leave))
            found["close.1"], _ = look.spent(rooms, partial(_apart, workers, Talker.cut))
            found["open.2"], workers = look.spent(rooms, partial(come, home, second, theirs))
            clients = come(port, second, ours)
            _each(workers + clients, Talker.catch_up)
            for size in SIZES:
                found[f"message.2.{far}.{size}"] = _talk(look, workers, clients, messages, size)
            found[f"confirm.{far}"], _ = look.spent(rooms, partial(_apart, clients, Talker.confirm))
            _each(clients, Talker.leave)
            _each(workers, Talker.catch_up)
            found["close.2"], _ = look.spent(rooms, partial(_each, workers, Talker.leave))
    return found


def news_costs(rooms: int, changes: int, rest_s: float) -> dict[str, Spent]:
    """Someone changes, which nobody hears, others at its node, one at another node, and several there."""
    size = 1 + OTHERS
    found: dict[str, Spent] = {}
    with _nodes(2, [size] * 2 * rooms, rest_s) as (cluster, _, look):
        home, door = cluster.ports
        dialect = Dialect("heliograph", 2, cluster.dialect.passes)
        starts = range(0, 2 * rooms * size, size)
        changers = come(home, dialect, starts)
        _each(changers, Talker.catch_up)
        found["change.0.0"] = _change(look, changers, [], changes)
        near = come(home, dialect, [start + 1 + other for start in starts[:rooms] for other in range(OTHERS)])
        _each(changers + near, Talker.catch_up)
        found[f"change.{OTHERS}.0"] = _change(look, changers[:rooms], near, changes)
        far = come(door, dialect, [start + 1 for start in starts[rooms:]])
        _each(changers + far, Talker.catch_up)
        found["change.0.1"] = _change(look, changers[rooms:], far, changes)
        far += come(door, dialect, [start + 2 + other for start in starts[rooms:] for other in range(OTHERS - 1)])
        far.sort(key=lambda talker: talker.number)
        _each(changers + far, Talker.catch_up)
        found[f"change.0.{OTHERS}"] = _change(look, changers[rooms:], far, changes)
    return found


def memory_costs(rooms: int, idle_s: float) -> dict[str, dict[str, float]]:
    """KiB of a peer that waits: at its room's home, at another node and there for it, and in the bus."""
    found: dict[str, dict[str, float]] = {}
    for level in (1, 2):
        with _nodes(2, [2] * 2 * rooms, 2.0) as (cluster, bus, look):
            dialect = Dialect("heliograph", level, cluster.dialect.passes)
            near, far = range(2 * rooms), range(2 * rooms, 4 * rooms)
            first, idle_before = _memory(cluster, bus), look.idle.node_us
            ports = cluster.ports
            wires = open_all(ports[0], dialect, near, at_once=AT_ONCE).wires
            drain(wires)
            time.sleep(SETTLE_S)
            second = _memory(cluster, bus)
            resting = look.rest(idle_s)
            wires += open_all(ports[0], dialect, far[::2], at_once=AT_ONCE).wires
            wires += open_all(ports[1], dialect, far[1::2], at_once=AT_ONCE).wires
            drain(wires)
            time.sleep(SETTLE_S)
            third = _memory(cluster, bus)
            at_home = (second[0] - first[0]) / len(near)
            found[f"memory.{level}"] = {
                "home_kib": at_home,
                "door_kib": (third[1] - second[1]) / rooms,
                "far_end_kib": (third[0] - second[0]) / rooms - at_home,
                "bus_kib": (second[2] - first[2]) / len(near),
                "bus_far_kib": (third[2] - second[2]) / len(far),
                "node_mib": first[0] / 1024,
                "idle_us_per_s": (resting.node_us - idle_before) / len(near),
                "idle_commands_per_s": resting.bus.commands - look.idle.bus.commands,
            }
    return found


def _memory(cluster: Cluster, bus: Bus) -> tuple[float, float, float]:
    home, door = (resident_bytes(pid) / 1024 for pid in cluster.pids)
    return home, door, bus.count().memory / 1024


def _talk(look: _Look, workers: list[Talker], clients: list[Talker], messages: int, size: int) -> Spent:
    """So many messages in each pair, the one always the answer to the other."""

    def act() -> None:
        for number in range(messages):
            for pair in zip(workers, clients, strict=True):
                sender, receiver = pair if number % 2 else pair[::-1]
                exchange(sender, receiver, size, number)

    return look.spent(messages * len(workers), act)[0]


def _each(talkers: list[Talker], act: Callable[[Talker], None]) -> None:
    for talker in talkers:
        act(talker)


def _apart(talkers: list[Talker], act: Callable[[Talker], None]) -> None:
    """Where nothing is answered that could be waited for: so that what is said is not sent on together."""
    for talker in talkers:
        act(talker)
        time.sleep(APART_S)


def _change(look: _Look, changers: list[Talker], listeners: list[Talker], changes: int) -> Spent:
    per_room = len(listeners) // len(changers)

    def act() -> None:
        for number in range(changes):
            for place, changer in enumerate(changers):
                metadata: dict[str, Any] = {"properties": {"load": f"{number:06d}"}}
                changer.say({"type": "update_metadata", "metadata": metadata})
                changer.hear(b'"metadata_updated"')
                for listener in listeners[place * per_room : (place + 1) * per_room]:
                    listener.hear(b'"peer_updated"')

    return look.spent(changes * len(changers), act)[0]


def saved(costs: dict[str, Spent]) -> dict[str, dict[str, float]]:
    """As it is kept in a file."""
    return {name: {**msgspec.structs.asdict(spent.bus), "node_us": spent.node_us} for name, spent in costs.items()}

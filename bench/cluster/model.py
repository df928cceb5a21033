"""What a load costs the bus and the nodes, from what each thing that happens costs.

Second by second, because all that is asked is how much a second: nothing in it depends on what comes first within one.
Each visit is played with its room's and its peers' nodes, instead of with averages, because confirmations and beats
depend on what was before, and because one can then see how evenly shards are used.
"""

import random
from collections import Counter, defaultdict
from typing import Final

from msgspec import Struct

from bench.cluster.bus import Count
from bench.cluster.costs import OTHERS, SIZES, Spent
from bench.cluster.visits import Profile, Scene, Visit

__all__ = ["Costs", "Prediction", "predict"]

CONFIRM_FRAMES: Final = 64
CONFIRM_AFTER_S: Final = 4
"""When a peer of level 2 confirms: the SDKs' own rule."""

NOTHING: Final = Spent(Count(), 0.0)


class Prediction(Struct, frozen=True):
    """A second of it."""

    visits: float
    bus: Count
    node_cores: float
    """Over all nodes, in cores that are busy."""
    node_cores_idle: float
    """Of these, what is spent when nothing happens."""
    busiest_shard: float
    """Its part of the commands."""
    remote: float
    """The part of the peers that is not at its room's home."""


class Costs:
    """What was measured, and what follows from it."""

    def __init__(self, measured: dict[str, Spent], idle_us_per_peer: float) -> None:
        self._measured = {name: _at_least_nothing(spent) for name, spent in measured.items()}
        self.idle_us_per_peer = idle_us_per_peer

    def of(self, name: str) -> Spent:
        """Of one thing that happens."""
        kind, *parts = name.split(".")
        match kind:
            case "message":
                level, far, size = parts
                return self._message(level, far, int(size))
            case "beat":
                small, large = (self._measured[f"message.1.1.{size}"] for size in SIZES)
                return small.plus(_slope(small, large, SIZES[1] - SIZES[0]), -SIZES[0])
            case "news":
                return self._news(parts[0])
            case "idle":
                return self._idle(int(parts[0]))
            case "change":
                return self._measured["change.0.0"]
            case _:
                return self._measured[name]

    def _message(self, level: str, far: str, size: int) -> Spent:
        small, large = (self._measured[f"message.{level}.{far}.{each}"] for each in SIZES)
        return small.plus(_slope(small, large, SIZES[1] - SIZES[0]), size - SIZES[0])

    def _news(self, where: str) -> Spent:
        """One more who hears of a change: at home, the first one at another node, or one more there."""
        alone, first = self._measured["change.0.0"], self._measured["change.0.1"]
        match where:
            case "here":
                return _slope(alone, self._measured[f"change.{OTHERS}.0"], OTHERS)
            case "there":
                return _slope(alone, first, 1)
            case _:
                return _slope(first, self._measured[f"change.0.{OTHERS}"], OTHERS - 1)

    def _idle(self, nodes: int) -> Spent:
        """A node's second among so many: each node more is a name more in the answer to its renewal.

        What Redis does for itself is in what one node costs it, and in what three do, once.
        """
        one, three = self._measured["idle.1"], self._measured["idle.3"]
        name = max(0.0, (three.bus.bytes_out - one.bus.bytes_out) / 2)
        cpu_us = max(0.0, (3 * three.bus.cpu_us - one.bus.cpu_us) / 2)
        more = Count(bytes_out=(nodes - 1) * name, cpu_us=cpu_us - one.bus.cpu_us)
        return Spent(one.bus.plus(more), min(one.node_us, three.node_us))


def _slope(low: Spent, high: Spent, steps: int) -> Spent:
    return _at_least_nothing(NOTHING.plus(high.plus(low, -1.0), 1 / steps))


def _at_least_nothing(spent: Spent) -> Spent:
    """Where something costs nothing, what is taken off for an idle node may be more than there was."""
    fields = {name: max(0.0, getattr(spent.bus, name)) for name in Count.__struct_fields__}
    return Spent(Count(**fields), max(0.0, spent.node_us))


def predict(profile: Profile, costs: Costs, *, seconds: int, seed: int, shards: int = 1) -> Prediction:
    """Play that many seconds of the load, and count."""
    scene = Scene(profile, seed)
    shard_of = random.Random(seed)
    play = _Play(
        profile,
        scene,
        [shard_of.randrange(shards) for _ in range(profile.rooms)] if shards > 1 else None,
        [shard_of.randrange(shards) for _ in range(profile.nodes)],
    )
    remote = sum(node != home for home, clients in zip(scene.homes, scene.clients, strict=True) for node in clients)
    visits = 0
    source = scene.seconds()
    for second in range(seconds):
        happening, changes = next(source)
        visits += len(happening)
        play.second(second, happening, changes)
    play.shards[shards // 2] += seconds * profile.nodes  # the leases are in one of them
    spent = NOTHING
    for name, times in play.happened.items():
        spent = spent.plus(costs.of(name), times / seconds)
    idle = NOTHING.plus(costs.of(f"idle.{profile.nodes}"), profile.nodes)
    idle = idle.plus(Spent(Count(), costs.idle_us_per_peer), profile.peers)
    commands = sum(play.shards.values())
    return Prediction(
        visits=visits / seconds,
        bus=spent.plus(idle).bus,
        node_cores=spent.plus(idle).node_us / 1e6,
        node_cores_idle=idle.node_us / 1e6,
        busiest_shard=max(play.shards.values()) / commands if commands else 1.0,
        remote=remote / profile.peers,
    )


class _Play:
    """Counts what happens, and remembers who has to confirm."""

    def __init__(self, profile: Profile, scene: Scene, room_shards: list[int] | None, node_shards: list[int]) -> None:
        self._profile = profile
        self._scene = scene
        self._room_shards = room_shards
        self._node_shards = node_shards
        self._unconfirmed: dict[tuple[int, int], tuple[int, int]] = {}
        """Frames, and the second in which they are due."""
        self._due: dict[int, list[tuple[int, int]]] = {}
        self._used: set[tuple[int, int]] = set()
        self.happened: Counter[str] = Counter()
        self.shards: defaultdict[int, float] = defaultdict(float)

    def second(self, now: int, visits: list[Visit], changes: list[int]) -> None:
        """All go, all come, then what is due."""
        level, messages = self._profile.level, self._profile.messages
        before, self._used = self._used, set()
        happened = self.happened
        message = f"message.{level}"
        for room, place, node in visits:
            home, old = self._scene.homes[room], self._scene.clients[room][place - 1]
            happened[f"leave.{level}.{int(old != home)}"] += 1
            happened[f"join.{level}.{int(node != home)}"] += 1
            happened[f"{message}.{int(node != home)}.{self._profile.message_bytes}"] += messages
            self._traffic(room, home, old, 1)
            self._traffic(room, home, node, 1 + messages)
            if level > 1:
                self._unconfirmed.pop((room, place), None)
                self._tell(now, room, place)
                self._tell(now, room, place)
                self._heard(now, room, place, messages)
                self._heard(now, room, 0, messages)
        for room in changes if level > 1 else ():
            happened["change"] += 1
            self._tell(now, room, 0)
        for who in self._due.pop(now, ()):
            if self._unconfirmed.get(who, (0, 0))[1] == now:
                self._confirm(*who)
        happened["beat"] += len(before - self._used)

    def _tell(self, now: int, room: int, place: int) -> None:
        """All others of the room hear of one of them."""
        home = self._scene.homes[room]
        told: set[int] = set()
        for other, node in enumerate((home, *self._scene.clients[room])):
            if other == place:
                continue
            if node == home:
                self.happened["news.here"] += 1
            else:
                self.happened["news.more" if node in told else "news.there"] += 1
                if node not in told:
                    self._publish(home, node)
                told.add(node)
            self._heard(now, room, other, 1)

    def _heard(self, now: int, room: int, place: int, frames: int) -> None:
        who, due = (room, place), now + CONFIRM_AFTER_S
        if who not in self._unconfirmed:
            self._due.setdefault(due, []).append(who)
        count, due = self._unconfirmed.get(who, (0, due))
        self._unconfirmed[who] = count + frames, due
        if count + frames >= CONFIRM_FRAMES:
            self._confirm(room, place)

    def _confirm(self, room: int, place: int) -> None:
        del self._unconfirmed[room, place]
        home = self._scene.homes[room]
        node = home if place == 0 else self._scene.clients[room][place - 1]
        self.happened[f"confirm.{int(node != home)}"] += 1
        self._traffic(room, home, node, 1)

    def _traffic(self, room: int, home: int, node: int, times: int) -> None:
        """Something between a peer and its room's home."""
        if self._profile.level > 1 and self._room_shards is not None:
            self.shards[self._room_shards[room]] += times
        elif self._profile.level > 1:
            self.shards[0] += times
        if node != home:
            self._publish(node, home, times / 2)
            self._publish(home, node, times / 2)

    def _publish(self, source: int, target: int, times: float = 1) -> None:
        self._used.add((source, target))
        self.shards[self._node_shards[target]] += times

"""A load played to real nodes, to see whether it costs the bus what the model says."""

import time
from contextlib import suppress
from typing import Any, Final

import msgspec

from bench.cluster.bus import Bus
from bench.cluster.costs import BUS_CORE
from bench.cluster.model import CONFIRM_AFTER_S, CONFIRM_FRAMES, Costs, predict
from bench.cluster.nodes import Cluster, running_cluster
from bench.cluster.talker import Talker, come, exchange
from bench.cluster.visits import Profile, Scene, Visit
from bench.machine import SERVER_CORE, running_us

__all__ = ["CHECKS", "SEED", "TOLERANCE", "check"]

TOLERANCE: Final = 0.1
"""By how much of the measured figure the model may be wrong: commands, and bytes each way, a second."""

SEED: Final = 8
SETTLE_S: Final = 3.0
LATE_S: Final = 1.0
"""How late the load may be in the end."""

CHECKS: Final = tuple(
    Profile(
        nodes=3,
        rooms=60,
        room_size=4,
        level=level,
        stay_s=18.0,
        messages=10,
        message_bytes=800,
        changes_per_s=0.05 if level > 1 else 0.0,
    )
    for level in (1, 2)
)


def check(profile: Profile, costs: Costs, seconds: int) -> dict[str, Any]:
    """What was measured and what the model says, a second, of the same load."""
    said = predict(profile, costs, seconds=seconds, seed=SEED)
    room_sizes = [profile.room_size] * profile.rooms
    nodes = [{SERVER_CORE}] * profile.nodes
    with running_cluster(
        nodes, bus_cores={BUS_CORE}, level=profile.level, room_sizes=room_sizes, resume_window_s=1
    ) as cluster:
        if cluster.bus is None:
            raise ValueError("There is no cluster without a bus")
        player = _Player(profile, cluster)
        time.sleep(SETTLE_S)
        measured = player.play(seconds, cluster.bus)
    predicted = {**msgspec.structs.asdict(said.bus), "node_us": 1e6 * said.node_cores}
    return {"measured": measured, "predicted": predicted, "visits": said.visits, "remote": said.remote}


class _Player:
    """All peers of a scene."""

    def __init__(self, profile: Profile, cluster: Cluster) -> None:
        self._profile = profile
        self._cluster = cluster
        self._scene = Scene(profile, SEED)
        self._workers = self._come(dict(enumerate(self._scene.homes)))
        at = {
            (room, place): node
            for room, nodes in enumerate(self._scene.clients)
            for place, node in enumerate(nodes, start=1)
        }
        self._clients = self._come_each(at)
        self._since: dict[Talker, float] = {}
        """When the first frame came that was not confirmed yet."""
        self._number = 0
        self._look_after(float("inf"))

    def play(self, seconds: int, bus: Bus) -> dict[str, float]:
        """The load, and what it cost a second."""
        source = self._scene.seconds()
        node_us = self._node_us()
        before = bus.count()
        started = time.perf_counter()
        for second in range(seconds):
            visits, changes = next(source)
            begun = started + second
            for visit in visits:
                self._clients[visit.room, visit.place].leave()
            for place, visit in enumerate(visits):
                time.sleep(max(0.0, begun + place / (len(visits) + len(changes)) - time.perf_counter()))
                self._visit(visit)
            for room in changes:
                self._change(self._workers[room])
            self._look_after(time.perf_counter() - CONFIRM_AFTER_S)
            time.sleep(max(0.0, begun + 1 - time.perf_counter()))
        took = time.perf_counter() - started
        if took > seconds + LATE_S:
            raise RuntimeError(f"The load of {seconds} s took {took:.1f} s")
        spent = bus.since(before).times(1 / took)
        return {**msgspec.structs.asdict(spent), "node_us": (self._node_us() - node_us) / took}

    def _visit(self, visit: Visit) -> None:
        client = self._clients[visit.room, visit.place] = self._come_each({(visit.room, visit.place): visit.node})[
            visit.room, visit.place
        ]
        pair = client, self._workers[visit.room]
        for number in range(self._profile.messages):
            self._number += 1
            sender, receiver = pair if number % 2 == 0 else pair[::-1]
            exchange(sender, receiver, self._profile.message_bytes, self._number)

    def _change(self, worker: Talker) -> None:
        self._number += 1
        metadata = {"properties": {"load": f"{self._number:06d}"}}
        worker.say({"type": "update_metadata", "metadata": metadata})
        worker.hear(b'"metadata_updated"')

    def _look_after(self, confirm_before: float) -> None:
        """Take what has come to everyone, and confirm what is due."""
        if self._profile.level < 2:
            return
        now = time.perf_counter()
        for talker in (*self._workers.values(), *self._clients.values()):
            with suppress(BlockingIOError):
                talker.catch_up()
            new = talker.heard - talker.confirmed
            if new and (self._since.setdefault(talker, now) <= confirm_before or new >= CONFIRM_FRAMES):
                del self._since[talker]
                talker.confirm()

    def _come(self, nodes: dict[int, int]) -> dict[int, Talker]:
        """The workers of rooms."""
        found = self._come_each({(room, 0): node for room, node in nodes.items()})
        return {room: talker for (room, _), talker in found.items()}

    def _come_each(self, nodes: dict[tuple[int, int], int]) -> dict[tuple[int, int], Talker]:
        size = self._profile.room_size
        found = {}
        for port in range(self._profile.nodes):
            numbers = {room * size + place: (room, place) for (room, place), node in nodes.items() if node == port}
            for talker in come(self._cluster.ports[port], self._cluster.dialect, numbers) if numbers else ():
                found[numbers[talker.number]] = talker
        return found

    def _node_us(self) -> float:
        return sum(map(running_us, self._cluster.pids))

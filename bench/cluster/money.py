"""What a load takes in machines and money. All prices and sizes are assumptions, to be replaced by the reader's own."""

import math
from typing import Final

from msgspec import Struct

from bench.cluster.model import Prediction
from bench.cluster.visits import Profile

__all__ = ["ASSUMED", "Assumptions", "Bill", "bill"]

KIB_A_GIB: Final = 2**20
SECONDS_A_MONTH: Final = 730 * 3600
BYTES_A_GB: Final = 1e9


class Assumptions(Struct, frozen=True):
    """US dollars, on demand, as they were remembered when this was written: look today's up, they are not measured."""

    machine: str = "m7g.large"
    machine_cores: int = 2
    machine_gib: float = 8.0
    machine_per_hour: float = 0.0816
    shard: str = "cache.m7g.large (Valkey)"
    shard_gib: float = 6.4
    shard_per_hour: float = 0.126
    shard_copies: int = 2
    """A primary, and a replica in another zone."""
    balancer_connections: int = 100_000
    """Of one unit in which a network load balancer is billed."""
    balancer_unit_per_hour: float = 0.006
    balancer_per_hour: float = 0.0225
    transfer_per_gb: float = 0.02
    """Between two zones, both directions; of what goes to the bus and back, half does."""
    cores_at_most: float = 0.5
    """How busy a core may be on average, so that there is room for peaks and for the loss of machines."""
    memory_at_most: float = 0.6


ASSUMED: Final = Assumptions()


class Bill(Struct, frozen=True):
    """What it takes, and what that is a month."""

    machines: int
    machines_limit: str
    """What their number follows from."""
    shards: int
    shards_limit: str
    node_gib: float
    bus_gib: float
    dollars: float


def bill(
    profile: Profile,
    said: Prediction,
    memory: dict[str, float],
    assumed: Assumptions = ASSUMED,
) -> Bill:
    """What a predicted load takes, on however many machines its nodes are."""
    far = said.remote * profile.peers
    node_kib = (profile.peers - far) * memory["home_kib"] + far * (memory["door_kib"] + memory["far_end_kib"])
    node_kib += profile.nodes * memory["node_mib"] * 1024
    bus_gib = profile.peers * memory["bus_kib"] / KIB_A_GIB
    machines = {
        "processor": math.ceil(said.node_cores / assumed.cores_at_most / assumed.machine_cores),
        "memory": math.ceil(node_kib / KIB_A_GIB / assumed.memory_at_most / assumed.machine_gib),
    }
    shards = {
        "processor": math.ceil(said.bus.cpu_us / 1e6 / assumed.cores_at_most),
        "memory": math.ceil(bus_gib / assumed.memory_at_most / assumed.shard_gib),
        "at least one": 1,
    }
    machines_limit = max(machines, key=lambda limit: machines[limit])
    shards_limit = max(shards, key=lambda limit: shards[limit])
    per_hour = (
        machines[machines_limit] * assumed.machine_per_hour
        + shards[shards_limit] * assumed.shard_copies * assumed.shard_per_hour
        + assumed.balancer_per_hour
        + profile.peers / assumed.balancer_connections * assumed.balancer_unit_per_hour
    )
    crossing_gb = (said.bus.bytes_in + said.bus.bytes_out) / 2 * SECONDS_A_MONTH / BYTES_A_GB
    return Bill(
        machines=machines[machines_limit],
        machines_limit=machines_limit,
        shards=shards[shards_limit],
        shards_limit=shards_limit,
        node_gib=node_kib / KIB_A_GIB,
        bus_gib=bus_gib,
        dollars=730 * per_hour + crossing_gb * assumed.transfer_per_gb,
    )

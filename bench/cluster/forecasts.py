"""What the model says of more than there is to measure, as tables and a chart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.charts import Bar, draw, shown
from bench.cluster.bus import Count
from bench.cluster.costs import Spent
from bench.cluster.model import Costs, Prediction, predict
from bench.cluster.money import ASSUMED, bill
from bench.cluster.results import kept_costs, memory_of
from bench.cluster.visits import Profile
from bench.results import Results

__all__ = ["forecasts"]

SEED: Final = 8
SECONDS: Final = 12
PEERS_A_NODE: Final = 10_000
MANY: Final = 100
SHARDS: Final = 8
STAYS: Final = {3600.0: "an hour", 600.0: "10 minutes", 60.0: "a minute"}
MESSAGES: Final = 10
MESSAGE_BYTES: Final = 800
CHANGES_PER_S: Final = 1 / 60


def forecasts(results: Results, images: Path) -> Iterator[str]:
    """A million peers, more and more nodes, larger and larger rooms."""
    costs = kept_costs(results)
    yield from _million(results, costs)
    yield from _growth(costs, images)
    yield from _rooms(costs)


def _profile(nodes: int, level: int, stay_s: float, *, together: bool = False) -> Profile:
    return Profile(
        nodes=nodes,
        rooms=nodes * PEERS_A_NODE // 2,
        room_size=2,
        level=level,
        stay_s=stay_s,
        messages=MESSAGES,
        message_bytes=MESSAGE_BYTES,
        changes_per_s=CHANGES_PER_S if level > 1 else 0.0,
        together=together,
    )


def _predict(profile: Profile, costs: Costs) -> Prediction:
    return predict(profile, costs, seconds=SECONDS, seed=SEED, shards=SHARDS)


def _million(results: Results, costs: Costs) -> Iterator[str]:
    yield f"\n### {MANY * PEERS_A_NODE:,} peers on {MANY} nodes\n"
    heads = ["visits/s", "bus, commands/s", "bus, MB/s in and out", "bus, cores", "nodes, cores", "nodes, GiB"]
    heads += ["bus, GiB", "machines", "shards", "dollars a month"]
    yield "| modelled; a client stays | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    uneven = 0.0
    for level in (1, 2):
        for stay_s, stay in STAYS.items():
            for together in (False, True) if stay_s == min(STAYS) else (False,):
                profile = _profile(MANY, level, stay_s, together=together)
                said = _predict(profile, costs)
                taken = bill(profile, said, memory_of(results, level))
                if not together:
                    uneven = max(uneven, said.busiest_shard)
                cells = [
                    shown(said.visits),
                    shown(said.bus.commands),
                    f"{shown(said.bus.bytes_in / 1e6)} and {shown(said.bus.bytes_out / 1e6)}",
                    shown(said.bus.cpu_us / 1e6),
                    shown(said.node_cores),
                    shown(taken.node_gib),
                    shown(taken.bus_gib),
                    f"{taken.machines} ({taken.machines_limit})",
                    f"{taken.shards} ({taken.shards_limit})",
                    f"{taken.dollars:,.0f}",
                ]
                where = ", rooms kept together" if together else ""
                yield f"| level {level}, {stay}{where} | " + " | ".join(cells) + " |"
    yield (
        f"\nShards are counted as if all had the same to do; of {SHARDS}, the busiest one has {uneven:.0%} of the"
        f" commands instead of {1 / SHARDS:.0%}. Assumed, not measured, and to be replaced by today's prices:"
        f" {ASSUMED.machine} at ${ASSUMED.machine_per_hour} an hour, {ASSUMED.shard} at ${ASSUMED.shard_per_hour} with"
        f" one replica each, a network load balancer, ${ASSUMED.transfer_per_gb} a GB between zones for half of what"
        f" the bus carries; cores at most {ASSUMED.cores_at_most:.0%} busy, memory {ASSUMED.memory_at_most:.0%} full"
        " (`bench/cluster/money.py`). Their processors are taken for as fast as the one that was measured."
    )


def _growth(costs: Costs, images: Path) -> Iterator[str]:
    title = "What the bus carries, by nodes of 10,000 peers each, clients staying 10 minutes"
    yield f"\n### {title}\n"
    yield f"![{title}: the level 2 column of the table below as a chart](images/scaling-growth.svg)\n"
    heads = [
        "peers",
        "commands/s, level 1",
        "commands/s, level 2",
        "of them for idle nodes",
        "names in renewals, bytes/s",
    ]
    yield "| modelled; nodes | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    bars = []
    for nodes in (1, 3, 10, 30, MANY):
        first, second = (_predict(_profile(nodes, level, 600.0), costs).bus.commands for level in (1, 2))
        idle = costs.of(f"idle.{nodes}").bus
        names = nodes * (idle.bytes_out - costs.of("idle.1").bus.bytes_out)
        cells = [f"{nodes * PEERS_A_NODE:,}", shown(first), shown(second), shown(nodes * idle.commands), shown(names)]
        yield f"| {nodes} | " + " | ".join(cells) + " |"
        bars.append(Bar(f"{nodes} node{'s' if nodes > 1 else ''}", [second], ours=True))
    draw(title, "commands/s, level 2 (modelled)", bars, images / "scaling-growth.svg")


def _rooms(costs: Costs) -> Iterator[str]:
    yield "\n### One peer of a room changes its metadata, and all others hear of it (level 2)\n"
    heads = [f"{nodes} node{'s' if nodes > 1 else ''}" for nodes in (1, 3, 10)]
    yield (
        "| modelled; peers in the room | "
        + " | ".join(f"KB to the bus, {head} | nodes, ms, {head}" for head in heads)
        + " |"
    )
    yield "|---" * (2 * len(heads) + 1) + "|"
    for peers in (2, 10, 100, 1000):
        cells = []
        for nodes in (1, 3, 10):
            spent = _change(costs, peers, nodes)
            cells += [shown(spent.bus.bytes_in / 1e3), shown(spent.node_us / 1e3)]
        yield f"| {peers:,} | " + " | ".join(cells) + " |"


def _change(costs: Costs, peers: int, nodes: int) -> Spent:
    """With the peers spread evenly over the nodes, of which one is the home."""
    others = peers - 1
    here = others / nodes
    elsewhere = min(nodes - 1.0, others - here)
    spent = Spent(Count(), 0.0)
    for name, times in (("change", 1.0), ("news.here", here), ("news.there", elsewhere)):
        spent = spent.plus(costs.of(name), times)
    return spent.plus(costs.of("news.more"), others - here - elsewhere)

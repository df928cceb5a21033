"""The model of many nodes counts what happens: with made-up costs, of which one can say what they come to."""

from typing import Final

import pytest
from bench.cluster.bus import Count
from bench.cluster.costs import OTHERS, SIZES, Spent
from bench.cluster.model import Costs, Prediction, predict
from bench.cluster.money import Assumptions, bill
from bench.cluster.visits import Profile, Scene

SECONDS: Final = 20
HEADER: Final = 50


def made_up() -> Costs:
    """A name in a renewal is 20 bytes; a message is as long as it is, and 50 bytes for each way over the bus."""
    found = {f"idle.{nodes}": Spent(Count(publishes=2, scripts=1, bytes_out=20 * nodes), 100.0) for nodes in (1, 3)}
    for level in (1, 2):
        for far in (0, 1):
            for thing in ("join", "leave"):
                found[f"{thing}.{level}.{far}"] = Spent(Count(publishes=2 * far, scripts=level - 1, reads=far), 1000.0)
            for size in SIZES:
                over = far * (size + HEADER)
                bus = Count(publishes=far, scripts=level - 1, bytes_in=over, bytes_out=over)
                found[f"message.{level}.{far}.{size}"] = Spent(bus, 10.0 + 20.0 * far)
    found |= {f"confirm.{far}": Spent(Count(publishes=far, scripts=1), 5.0) for far in (0, 1)}
    found["change.0.0"] = Spent(Count(scripts=1, bytes_in=100), 10.0)
    found[f"change.{OTHERS}.0"] = Spent(Count(scripts=1, bytes_in=100 + 10 * OTHERS), 10.0 + OTHERS)
    found["change.0.1"] = Spent(Count(scripts=1, publishes=1, bytes_in=160), 20.0)
    found[f"change.0.{OTHERS}"] = Spent(Count(scripts=1, publishes=1, bytes_in=160 + 12 * (OTHERS - 1)), 27.0)
    return Costs(found, idle_us_per_peer=1.0)


def profile(**other: object) -> Profile:
    given: dict[str, object] = {
        "nodes": 4,
        "rooms": 200,
        "room_size": 2,
        "level": 1,
        "stay_s": 10.0,
        "messages": 10,
        "message_bytes": 300,
    }
    return Profile(**{**given, **other})  # type: ignore[arg-type]


def predicted(costs: Costs, shards: int = 1, **other: object) -> Prediction:
    return predict(profile(**other), costs, seconds=SECONDS, seed=1, shards=shards)


def test_a_node_alone_needs_the_bus_for_its_lease_only() -> None:
    said = predicted(made_up(), nodes=1)
    assert said.bus == Count(publishes=2, scripts=1, bytes_out=20)
    assert said.visits == pytest.approx(20)
    assert said.node_cores * 1e6 == pytest.approx(100 + 400 + 20 * (2000 + 10 * 10))


def test_messages_cross_as_often_as_clients_are_elsewhere() -> None:
    said = predicted(made_up())
    part = said.remote * 2  # half of the peers are clients
    assert part == pytest.approx(3 / 4, abs=0.1)
    crossing = 20 * part * 10 * (300 + HEADER)
    assert said.bus.bytes_in == pytest.approx(crossing, rel=0.1)
    assert said.bus.scripts == 4, "level 1 has no commits"


def test_rooms_that_are_kept_together_do_not_cross() -> None:
    said = predicted(made_up(), together=True)
    assert said.remote == 0
    assert said.bus == Count(publishes=8, scripts=4, bytes_out=4 * 20 * 4)


def test_idle_nodes_are_told_of_each_other() -> None:
    said = predicted(made_up(), nodes=10, stay_s=1e9)
    assert said.bus.bytes_out == pytest.approx(10 * 10 * 20)
    assert said.bus.commands == 30


def test_level_2_commits_and_confirms() -> None:
    said = predicted(made_up(), nodes=1, level=2, rooms=2000, stay_s=100.0)
    commits = 1 + 20 * (2 + 10)  # the lease, and visits: one goes, one comes, ten messages
    confirmations = 20 * 2 * (SECONDS - 4) / SECONDS  # of client and worker, four seconds later
    assert said.bus.scripts == pytest.approx(commits + confirmations, rel=0.01)


def test_news_goes_to_a_node_once_and_to_the_log_for_each_listener() -> None:
    quiet, loud = (
        predicted(made_up(), nodes=2, rooms=40, room_size=11, level=2, stay_s=1e9, changes_per_s=changes)
        for changes in (0.0, 0.5)
    )
    changes = 20
    confirmations = loud.bus.scripts - quiet.bus.scripts - changes
    publications = loud.bus.publishes - quiet.bus.publishes
    far_confirmations = confirmations / 2  # half of the listeners are at the other node
    assert publications == pytest.approx(changes + far_confirmations, rel=0.15)
    logged = loud.bus.bytes_in - quiet.bus.bytes_in
    here, first, more = changes * 5 * 10, changes * 60, changes * 4 * 12
    assert logged == pytest.approx(changes * 100 + here + first + more, rel=0.1)


def test_the_same_seed_is_the_same_load() -> None:
    first, second = (Scene(profile(), 7).seconds() for _ in range(2))
    for _ in range(5):
        assert next(first) == next(second)
    assert next(Scene(profile(), 7).seconds()) != next(Scene(profile(), 8).seconds())
    assert predicted(made_up(), level=2) == predicted(made_up(), level=2)


def test_shards_share_the_commands() -> None:
    said = predicted(made_up(), shards=4, nodes=40, level=2)
    assert 1 / 4 < said.busiest_shard < 1 / 2


def test_the_bill_is_for_what_runs_out_first() -> None:
    memory = {"home_kib": 16.0, "door_kib": 8.0, "far_end_kib": 4.0, "bus_kib": 1.0, "node_mib": 64.0}
    assumed = Assumptions(machine_cores=1, machine_gib=1.0, cores_at_most=1.0, memory_at_most=1.0)
    idle = profile(nodes=1, rooms=1_000_000, stay_s=1e9)
    taken = bill(idle, predict(idle, made_up(), seconds=1, seed=1), memory, assumed)
    assert (taken.machines, taken.machines_limit) == (31, "memory")
    busy = profile(nodes=1, rooms=100_000, stay_s=10.0)
    taken = bill(busy, predict(busy, made_up(), seconds=1, seed=1), memory, assumed)
    assert (taken.machines, taken.machines_limit) == (22, "processor")
    assert taken.dollars > 22 * 730 * assumed.machine_per_hour

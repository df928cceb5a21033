"""The figures in docs/scaling.md: what is between its marks comes from here."""

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.charts import Bar, draw, shown
from bench.cluster.forecasts import forecasts
from bench.cluster.forwarding import CREWS, CROSSINGS
from bench.cluster.results import cost_of, memory_of
from bench.report import fill, machines
from bench.results import ROOT, Measured, Results

__all__ = ["DOCUMENT", "off_by", "write_report"]

DOCUMENT, IMAGES = Path("docs/scaling.md"), Path("docs/images")

SLOWER: Final = {"half": "half"}
WANTED_CROSS: Final = 0.25
WANTED_P99_MS: Final = 10.0
WANTED_CREW: Final = 1.6

THINGS: Final = {
    "idle.1": "a node's second, alone",
    "idle.3": "a node's second, one of three",
    "open.1": "the first peer of a room comes, level 1",
    "open.2": "the same, level 2",
    "join.1.0": "another one comes, at the room's home, level 1",
    "join.1.1": "the same, at another node",
    "join.2.0": "another one comes, at the room's home, level 2",
    "join.2.1": "the same, at another node",
    "message.1.0.300": "a message of 300 bytes, both at home, level 1",
    "message.1.1.300": "the same, one of them at another node",
    "message.1.1.2000": "the same, 2,000 bytes",
    "message.2.0.300": "a message of 300 bytes and its `ack`, both at home, level 2",
    "message.2.1.300": "the same, one of them at another node",
    "message.2.1.2000": "the same, 2,000 bytes",
    "confirm.0": "`received`, from a peer at home",
    "confirm.1": "the same, from another node",
    "change.0.0": "new metadata, which nobody hears of",
    "change.8.0": "the same, heard by 8 at home",
    "change.0.1": "the same, heard by one at another node",
    "change.0.8": "the same, heard by 8 at another node",
    "leave.1.0": "one goes, at home, level 1",
    "leave.1.1": "the same, from another node",
    "leave.2.0": "one goes, at home, level 2",
    "leave.2.1": "the same, from another node",
    "close.1": "the last one of a room goes, level 1",
    "close.2": "the same, level 2",
}


def off_by(value: dict[str, Any]) -> dict[str, float]:
    """How far the model is from what was measured, as a part of that."""
    measured, said = _rates(value["measured"]), _rates(value["predicted"])
    return {figure: said[figure] / measured[figure] - 1 for figure in measured}


def _rates(value: dict[str, float]) -> dict[str, float]:
    return {
        "commands/s": value["publishes"] + value["scripts"] + value["reads"],
        "bytes/s in": value["bytes_in"],
        "bytes/s out": value["bytes_out"],
    }


def write_report(results: Results, root: Path = ROOT) -> None:
    """Draw the charts, and write the figures into the document below `root`."""
    (root / IMAGES).mkdir(parents=True, exist_ok=True)
    fill(root / DOCUMENT, _figures(results, root))


def _figures(results: Results, root: Path) -> Iterator[str]:
    found = results.scenarios
    yield from _goals(results)
    if "crossing" in found:
        yield from _crossing(found["crossing"], root)
        for part, share in SLOWER.items():
            if part in found:
                yield from _slower(found[part], share)
    if "crew" in found:
        yield from _crew(found["crew"])
    if "costs" in found:
        yield from _costs(results)
    if "memory" in found:
        yield from _memory(results)
    if "check" in found:
        yield from _check(found["check"])
    if "costs" in found and "memory" in found:
        yield from forecasts(results, root / IMAGES)
    yield from machines(results)
    yield from _disturbances(results)


def _goals(results: Results) -> Iterator[str]:
    found = results.scenarios
    yield "| what was to be reached | wanted | measured | |"
    yield "|---|---|---|---|"
    if crossing := found.get("crossing"):
        for level in (1, 2):
            ratio = crossing.median(f"cross-{level}", "messages_per_s") / crossing.median(
                f"alone-{level}", "messages_per_s"
            )
            yield _goal(
                f"From node to node, level {level}, a core of nodes",
                f"at least {WANTED_CROSS:.0%} of one node without a bus",
                f"{ratio:.0%}",
                ratio / WANTED_CROSS - 1,
            )
    for part, share in SLOWER.items():
        for level in (1, 2) if part in found else ():
            p99 = found[part].median(f"cross-{level}", "p99_ms")
            yield _goal(
                f"p99 at {share} of that rate, level {level}",
                f"under {WANTED_P99_MS:g} ms",
                f"{p99:.2f} ms",
                1 - p99 / WANTED_P99_MS,
            )
    if crew := found.get("crew"):
        for level, one, which in (
            (1, "crew-1-1", "one"),
            (2, "crew-1-2", "one, which has no bus"),
            (2, "crew-1-2-bus", "one that writes to a bus as well"),
        ):
            times = crew.median(f"crew-2-{level}", "messages_per_s") / crew.median(one, "messages_per_s")
            yield _goal(
                f"Two processes on two cores, level {level}",
                f"at least {WANTED_CREW:g} times {which}",
                f"{times:.2f} times",
                times / WANTED_CREW - 1,
            )


def _goal(title: str, wanted: str, measured: str, margin: float) -> str:
    verdict = "reached" if margin >= 0 else f"**missed by {-margin:.0%}**"
    return f"| {title} | {wanted} | {measured} | {verdict} |"


def _crossing(measured: Measured, root: Path) -> Iterator[str]:
    title = "Messages a second and core of nodes, 300 bytes, 100 pairs"
    bars = [
        Bar(each.label, measured.series(each.name, "messages_per_s"), ours=each.nodes > 1)
        for each in CROSSINGS
        if each.name in measured.values
    ]
    draw(title, "messages/s (more is better)", bars, root / IMAGES / "scaling-crossing.svg")
    yield f"\n### {title}\n"
    yield f"![{title}: the table below as a chart](images/scaling-crossing.svg)\n"
    heads = ["messages/s", "lowest to highest", "of one without a bus", "nodes, µs a message", "bus, µs a message"]
    yield f"| measured, {_rounds(measured)} | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    for each in CROSSINGS:
        series = measured.series(each.name, "messages_per_s")
        alone = measured.median(f"alone-{each.level}", "messages_per_s")
        cells = [
            shown(statistics.median(series)),
            f"{shown(min(series))} to {shown(max(series))}",
            f"{statistics.median(series) / alone:.0%}",
            shown(measured.median(each.name, "server_us")),
            shown(measured.median(each.name, "bus_us")) if each.bus else "",
        ]
        yield f"| {each.label} | " + " | ".join(cells) + " |"


def _slower(measured: Measured, share: str) -> Iterator[str]:
    yield f"\n### Latency at {share} of each maximum\n"
    heads = ["messages/s", "p50, ms", "p99, ms", "lowest to highest", "p99 of all, ms", "of the nodes' core"]
    yield f"| measured, {_rounds(measured)} | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    for each in CROSSINGS:
        late = measured.series(each.name, "p99_ms")
        cells = [
            shown(measured.median(each.name, "rate")),
            shown(measured.median(each.name, "p50_ms")),
            shown(statistics.median(late)),
            f"{shown(min(late))} to {shown(max(late))}",
            shown(measured.median(each.name, "all_p99_ms")),
            f"{statistics.median(cost['server_cpu'] for cost in measured.costs(each.name)):.0%}",
        ]
        yield f"| {each.label} | " + " | ".join(cells) + " |"


def _rounds(measured: Measured) -> str:
    return "1 round" if measured.rounds == 1 else f"{measured.rounds} rounds, medians"


def _crew(measured: Measured) -> Iterator[str]:
    yield "\n### Two processes on two cores\n"
    heads = ["messages/s, measured", "lowest to highest", "times one process", "servers, µs a message, measured"]
    heads += ["messages/s of the cores if they had no load to make, derived", "times one process"]
    yield f"| {_rounds(measured)} | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    for crew in CREWS:
        one = f"crew-1-{crew.level}"
        rate, each_us = (measured.median(crew.name, figure) for figure in ("messages_per_s", "server_us"))
        series = measured.series(crew.name, "messages_per_s")
        cells = [
            shown(rate),
            f"{shown(min(series))} to {shown(max(series))}",
            f"{rate / measured.median(one, 'messages_per_s'):.2f}",
            shown(each_us),
            shown(crew.workers * 1e6 / each_us),
            f"{crew.workers * measured.median(one, 'server_us') / each_us:.2f}",
        ]
        yield f"| {crew.label} | " + " | ".join(cells) + " |"


def _costs(results: Results) -> Iterator[str]:
    yield "\n### What each thing costs, one after the other\n"
    heads = ["publications", "scripts", "reads", "bytes in", "bytes out", "bus, µs", "nodes, µs"]
    rounds = _rounds(results.scenarios["costs"])
    yield f"| measured, {rounds}, of processor time the lowest | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    for name, title in THINGS.items():
        if name in results.scenarios["costs"].values:
            cost = {figure: max(0.0, value) for figure, value in cost_of(results, name).items()}
            cells = [f"{cost[figure]:.1f}" for figure in ("publishes", "scripts", "reads")]
            cells += [f"{cost[figure]:,.0f}" for figure in ("bytes_in", "bytes_out", "cpu_us", "node_us")]
            yield f"| {title} | " + " | ".join(cells) + " |"


def _memory(results: Results) -> Iterator[str]:
    yield "\n### Memory of a peer that waits, in rooms of two\n"
    yield "| measured, KiB a peer | level 1 | level 2 |"
    yield "|---|---|---|"
    levels = [memory_of(results, level) for level in (1, 2)]
    for figure, title in (
        ("home_kib", "at its room's home"),
        ("door_kib", "at another node: there"),
        ("far_end_kib", "at another node: at the home, on top of that"),
        ("bus_kib", "in the bus"),
    ):
        yield f"| {title} | " + " | ".join(shown(max(0.0, level[figure])) for level in levels) + " |"
    yield f"\nA node without peers has {shown(levels[0]['node_mib'])} MiB."


def _check(measured: Measured) -> Iterator[str]:
    yield "\n### The model beside three nodes\n"
    yield "| 60 rooms of 4, 10 visits a second | modelled | measured | off by |"
    yield "|---|---|---|---|"
    for name, rounds in measured.values.items():
        value = rounds[-1]
        said, seen = _rates(value["predicted"]), _rates(value["measured"])
        for figure, error in off_by(value).items():
            yield (
                f"| level {name.rpartition('.')[2]}, {figure} | {said[figure]:,.0f} | {seen[figure]:,.0f} |"
                f" {error:+.1%} |"
            )


def _disturbances(results: Results) -> Iterator[str]:
    for part, sentence in (
        ("crossing", "of the nodes' core"),
        ("crew", "of the processes' cores"),
    ):
        if measured := results.scenarios.get(part):
            lost = sorted(value["lost"] for rounds in measured.values.values() for value in rounds)
            yield (
                f"Where it went as fast as it could, others had {statistics.median(lost):.1%} {sentence} in the median"
                f" of {len(lost)} rounds, and {lost[-1]:.1%} in the worst."
            )
    for part in SLOWER:
        if (measured := results.scenarios.get(part)) is None:
            continue
        steady = sorted(value["steady"] for rounds in measured.values.values() for value in rounds)
        yield (
            f"At {SLOWER[part]} of it, the machine kept its pace for {statistics.median(steady):.0%} of the time in the"
            f" median of {len(steady)} rounds, and for {steady[0]:.0%} in the worst. Nothing else counts, other than in"
            ' "p99 of all".'
        )

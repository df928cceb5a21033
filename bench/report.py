"""`python -m bench.report`: the figures in docs/benchmarks.md and README.md.

What is between their marks comes from here.
"""

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.charts import Bar, draw, shown
from bench.contestants import BASELINE, CONTESTANTS, MIRROR, PEERSERVER, PICOWS
from bench.data_channel import CLIENTS, DATA_CHANNEL
from bench.goals import GOALS
from bench.plan import SCENARIOS, Scenario
from bench.results import ROOT, Measured, Results, load_results

__all__ = ["DOCUMENT", "README", "fill", "machines", "write_report"]

DOCUMENT, README, IMAGES = Path("docs/benchmarks.md"), Path("README.md"), Path("docs/images")
BEGIN, END = "<!-- written by the benchmark: begin -->\n", "<!-- written by the benchmark: end -->\n"
HEADLINE: Final = "forward-300-100"

EXTRA: Final = {
    "open_loop": [
        ("p50_ms", "p50, ms"),
        ("p99_9_ms", "p99.9, ms"),
        ("rate", "messages/s"),
        ("arrived_percent", "of them arrived, %"),
        ("late_p99_ms", "sent late, ms at p99"),
    ],
    "connects": [("p50_ms", "p50, ms"), ("p99_ms", "p99, ms")],
    "idle_memory": [("before_mib", "MiB without peers")],
    "fan_out": [("p99_ms", "p99, ms"), ("news_per_s", "news/s")],
    "storm": [("p50_ms", "p50 of the peers, ms"), ("p99_ms", "p99 of the peers, ms"), ("again", "came again")],
    "slow_reader": [
        ("before_per_s", "messages/s before it"),
        ("after_per_s", "messages/s after it"),
        ("flood_mb", "MB sent for it"),
        ("grown_mib", "MiB grown by that"),
    ],
}
"""Further columns, by kind."""


def write_report(results: Results, root: Path = ROOT) -> None:
    """Draw the charts, and write the figures into the documents below `root`."""
    (root / IMAGES).mkdir(parents=True, exist_ok=True)
    fill(root / DOCUMENT, _figures(results, root))
    if HEADLINE in results.scenarios:
        fill(root / README, _headline(results.scenarios[HEADLINE]))


def fill(path: Path, lines: Iterator[str]) -> None:
    """Write lines between the marks of a document."""
    before, begin, rest = path.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"There are no marks in {path}")
    path.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after, "utf-8")


def _headline(measured: Measured) -> Iterator[str]:
    own = measured.median(PICOWS.name, "messages_per_s")
    times = [
        f"{own / measured.median(other.name, 'messages_per_s'):.1f}"
        for other in (PEERSERVER, BASELINE)
        if other.name in measured.values
    ]
    yield f"![Messages a second: this server, PeerServer and a plain baseline]({IMAGES}/bench-{HEADLINE}.svg)\n"
    yield f"With one core to itself, the server forwards {own:,.0f} messages of 300 bytes a second, each checked."
    if len(times) > 1:
        yield f"That is {times[0]} times as many as PeerServer, and {times[1]} times as many as a plain Python server."
    yield f"[All figures]({DOCUMENT}), how they were measured, and the command that measures them again."


def _figures(results: Results, root: Path) -> Iterator[str]:
    yield from _goals(results)
    for scenario in SCENARIOS:
        measured = results.scenarios.get(scenario.name)
        if measured is None:
            continue
        better = "more is better" if scenario.more_is_better else "less is better"
        bars = [
            Bar(contestant.label, measured.series(contestant.name, scenario.figure), bool(contestant.transport))
            for contestant in CONTESTANTS
            if contestant.name in measured.values and contestant is not MIRROR
        ]
        yield from _chart(scenario.name, scenario.title, f"{scenario.unit} ({better})", bars, root)
        yield from _table(scenario, measured)
    if data_channel := results.scenarios.get(DATA_CHANNEL):
        yield from _data_channel(data_channel, root)
    yield from machines(results)
    yield from _disturbances(results)


def _goals(results: Results) -> Iterator[str]:
    yield "| what was to be reached | wanted | measured | |"
    yield "|---|---|---|---|"
    for goal in GOALS:
        value = goal.value(results)
        if value is not None:
            bound = f"at {'least' if goal.at_least else 'most'} {goal.bound:g}{goal.unit}"
            verdict = "reached" if goal.reached(value) else f"**missed by {abs(value / goal.bound - 1):.0%}**"
            yield f"| {goal.title} | {bound} | {value:.2f}{goal.unit} | {verdict} |"


def _chart(name: str, title: str, unit: str, bars: list[Bar], root: Path) -> Iterator[str]:
    image = f"bench-{name}.svg"
    draw(title, unit, bars, root / IMAGES / image)
    yield f"\n### {title}\n"
    yield f"![{title}: the table below as a chart](images/{image})\n"


def _table(scenario: Scenario, measured: Measured) -> Iterator[str]:
    extra = EXTRA.get(scenario.kind, [])
    others = [other for other in (PEERSERVER, BASELINE) if other.name in measured.values]
    heads = [scenario.unit, "lowest to highest", *(head for _, head in extra)]
    heads += [f"times {other.label}" for other in others]
    heads += ["server core", "load core"] if any(map(measured.costs, measured.values)) else []
    yield (
        f"| {'1 round' if measured.rounds == 1 else f'{measured.rounds} rounds, medians'} | " + " | ".join(heads) + " |"
    )
    yield "|---" * (len(heads) + 1) + "|"
    for contestant in CONTESTANTS:
        name = contestant.name
        if name not in measured.values:
            continue
        series = measured.series(name, scenario.figure)
        cells = [shown(measured.median(name, scenario.figure)), f"{shown(min(series))} to {shown(max(series))}"]
        cells += [shown(measured.median(name, figure)) for figure, _ in extra]
        median = measured.median(name, scenario.figure)
        cells += [f"{median / measured.median(other.name, scenario.figure):.2f}" for other in others]
        if costs := measured.costs(name):
            cells += [f"{statistics.median(cost[core] for cost in costs):.0%}" for core in ("server_cpu", "load_cpu")]
        bold = "**" if contestant is PICOWS else ""
        yield f"| {bold}{contestant.label}{bold} | " + " | ".join(cells) + " |"
    if scenario.kind == "slow_reader":
        closed = [c.label for c in CONTESTANTS if any(value["closed"] for value in measured.values.get(c.name, []))]
        yield f"\nGave the peer up that does not read: {', '.join(closed) or 'none'}."


def _data_channel(measured: Measured, root: Path) -> Iterator[str]:
    bars = [
        Bar(label, measured.series(client, "ms"), ours=True)
        for client, label in CLIENTS.items()
        if client in measured.values
    ]
    title = "From a sign-in to the first message on an open data channel"
    yield from _chart(DATA_CHANNEL, title, "ms (less is better)", bars, root)
    yield f"| {measured.rounds} times each | median, ms | lowest to highest, ms |"
    yield "|---|---|---|"
    for bar in bars:
        span = f"{min(bar.series):,.0f} to {max(bar.series):,.0f}"
        yield f"| {bar.label} | {statistics.median(bar.series):,.0f} | {span} |"


def machines(results: Results) -> Iterator[str]:
    """What measured, and when."""
    yield "\n### The machine\n"
    found: dict[tuple[tuple[str, str], ...], set[str]] = {}
    for measured in results.scenarios.values():
        found.setdefault(tuple(measured.machine.items()), set()).add(measured.date)
    for machine, dates in found.items():
        yield f"{', '.join(sorted(dates))}: " + "; ".join(f"{name} {value}" for name, value in machine) + ".\n"


def _disturbances(results: Results) -> Iterator[str]:
    costs = [
        cost for measured in results.scenarios.values() for name in measured.values for cost in measured.costs(name)
    ]
    if costs:
        disturbed = sorted(cost["disturbed"] for cost in costs)
        yield (
            f"For others on this machine, the server or the load had to wait for {statistics.median(disturbed):.1%} of "
            f"the time in the median of all {len(disturbed)} rounds with a clock, and for {disturbed[-1]:.1%} in the "
            f"worst of them."
        )


if __name__ == "__main__":
    write_report(load_results())

"""`python -m bench.report`: the figures of docs/benchmarks.md. What stands between its two marks is written here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.charts import draw, shown
from bench.contestants import BASELINE, CONTESTANTS, PEERSERVER, PICOWS
from bench.data_channel import DATA_CHANNEL
from bench.plan import SCENARIOS, Scenario
from bench.results import Measured, Results, load_results

__all__ = ["write_report"]

DOCS: Final = Path(__file__).parents[1] / "docs"
DOCUMENT: Final = DOCS / "benchmarks.md"
BEGIN, END = "<!-- written by the run: begin -->\n", "<!-- written by the run: end -->\n"

EXTRA: Final = {
    "open_loop": [("p50_ms", "p50, ms"), ("p99_ms", "p99, ms"), ("p99_9_ms", "p99.9, ms"), ("rate", "messages/s")],
    "connects": [("p50_ms", "p50, ms"), ("p99_ms", "p99, ms")],
    "idle_memory": [("before_mib", "MiB without peers")],
    "fan_out": [("p99_ms", "p99, ms"), ("news_per_s", "news/s")],
    "storm": [("p50_ms", "p50 of the peers, ms"), ("p99_ms", "p99 of the peers, ms")],
    "slow_reader": [("before_per_s", "messages/s without it"), ("grown_mib", "MiB grown by 40 MB for it")],
}
"""Further columns, by kind."""


def write_report(results: Results) -> None:
    """Draw the charts, and write the figures into the document."""
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + BEGIN + "\n".join(_lines(results)) + "\n" + END + after, "utf-8")


def _lines(results: Results) -> Iterator[str]:
    for scenario in SCENARIOS:
        measured = results.scenarios.get(scenario.name)
        if measured is None:
            continue
        image = DOCS / "images" / f"bench-{scenario.name}.svg"
        draw(scenario, measured, image)
        yield f"\n### {scenario.title}\n"
        yield f"![{scenario.title}: the table below as a chart](images/{image.name})\n"
        yield from _table(scenario, measured)
    data_channel = results.scenarios.get(DATA_CHANNEL)
    if data_channel is not None:
        yield "\n### From a sign-in to the first message on a data channel\n"
        yield "| client | median, ms | from to to, ms | times |"
        yield "|---|---|---|---|"
        for client, label in (("python", "Python SDK"), ("chromium", "browser SDK in Chromium")):
            series = data_channel.series(client, "ms")
            row = f"{data_channel.median(client, 'ms'):,.0f} | {min(series):,.0f} to {max(series):,.0f} | {len(series)}"
            yield f"| {label} | {row} |"
    yield "\n### The machine\n"
    machines = {tuple(measured.machine.items()): measured.date for measured in results.scenarios.values()}
    for machine, date in machines.items():
        yield f"Measured on {date}: " + "; ".join(f"{name} {value}" for name, value in machine) + ".\n"


def _table(scenario: Scenario, measured: Measured) -> Iterator[str]:
    extra = [column for column in EXTRA.get(scenario.kind, []) if column[0] != scenario.figure]
    heads = [
        scenario.unit,
        "from to to",
        *(head for _, head in extra),
        *_ratio_heads(measured),
        "server core",
        "load core",
    ]
    yield f"| {measured.rounds} rounds, medians | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    for contestant in CONTESTANTS:
        name = contestant.name
        if name not in measured.values:
            continue
        series = measured.series(name, scenario.figure)
        server, load = measured.costs(name)
        cells = [
            shown(measured.median(name, scenario.figure)),
            f"{shown(min(series))} to {shown(max(series))}",
            *(shown(measured.median(name, figure)) for figure, _ in extra),
            *_ratios(scenario, measured, name),
            f"{server:.0%}" if server else "",
            f"{load:.0%}" if load else "",
        ]
        bold = "**" if contestant is PICOWS else ""
        yield f"| {bold}{contestant.label}{bold} | " + " | ".join(cells) + " |"


def _ratio_heads(measured: Measured) -> list[str]:
    return [f"by {other.label}" for other in (PEERSERVER, BASELINE) if other.name in measured.values]


def _ratios(scenario: Scenario, measured: Measured, name: str) -> list[str]:
    own = measured.median(name, scenario.figure)
    others = [other.name for other in (PEERSERVER, BASELINE) if other.name in measured.values]
    return [f"{own / measured.median(other, scenario.figure):.2f}" for other in others]


if __name__ == "__main__":
    write_report(load_results())

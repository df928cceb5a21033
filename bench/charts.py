"""SVG charts for docs/benchmarks.md, legible on light and on dark pages."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.contestants import CONTESTANTS
from bench.plan import Scenario
from bench.results import Measured

__all__ = ["draw", "shown"]

OURS, OTHERS = "#d97706", "#64748b"
INK: Final = "#808890"
"""Readable on white and on black."""

mpl.rcParams["svg.hashsalt"] = "heliograph"  # the same figures make the same file
mpl.rcParams["svg.fonttype"] = "none"
mpl.rcParams["font.family"] = "sans-serif"


def draw(scenario: Scenario, measured: Measured, path: Path) -> None:
    """One horizontal bar for each contestant, with the spread over the rounds."""
    contestants = [contestant for contestant in CONTESTANTS if contestant.name in measured.values]
    figure = Figure(figsize=(8.2, 0.55 * len(contestants) + 1.1), layout="constrained")
    axes = figure.add_subplot()
    medians = [measured.median(contestant.name, scenario.figure) for contestant in contestants]
    low = [
        median - min(measured.series(c.name, scenario.figure)) for c, median in zip(contestants, medians, strict=True)
    ]
    high = [
        max(measured.series(c.name, scenario.figure)) - median for c, median in zip(contestants, medians, strict=True)
    ]
    colours = [OURS if contestant.transport else OTHERS for contestant in contestants]
    bars = axes.barh(
        [contestant.label for contestant in contestants],
        medians,
        xerr=[low, high],
        color=colours,
        height=0.62,
        error_kw={"ecolor": INK, "capsize": 3, "lw": 1},
    )
    axes.bar_label(
        bars, labels=[f"  {median:,.4g}" if median < 1000 else f"  {median:,.0f}" for median in medians], color=INK
    )
    axes.invert_yaxis()
    axes.margins(x=0.16)
    axes.set_title(scenario.title, loc="left", color=INK, fontsize=11)
    better = "more is better" if scenario.more_is_better else "less is better"
    axes.set_xlabel(f"{scenario.unit} ({better})", color=INK, fontsize=9)
    axes.tick_params(colors=INK, labelsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    figure.savefig(path, transparent=True, metadata={"Date": None})


def shown(value: float) -> str:
    """Three or so digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"

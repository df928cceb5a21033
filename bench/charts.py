"""SVG charts for docs/benchmarks.md, legible on light and on dark pages."""

import statistics
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from msgspec import Struct

__all__ = ["Bar", "draw", "shown"]

OURS, OTHERS = "#d97706", "#64748b"
INK: Final = "#808890"
"""Readable on white and on black."""

mpl.rcParams["svg.hashsalt"] = "heliograph"  # the same figures make the same file
mpl.rcParams["svg.fonttype"] = "none"
mpl.rcParams["font.family"] = "sans-serif"


class Bar(Struct, frozen=True):
    """One figure, in each round."""

    label: str
    series: list[float]
    ours: bool


def draw(title: str, unit: str, bars: list[Bar], path: Path) -> None:
    """One horizontal bar for each: the median, with the spread over the rounds."""
    figure = Figure(figsize=(8.2, 0.5 * len(bars) + 1.0), layout="constrained")
    axes = figure.add_subplot()
    medians = [statistics.median(bar.series) for bar in bars]
    low = [median - min(bar.series) for bar, median in zip(bars, medians, strict=True)]
    high = [max(bar.series) - median for bar, median in zip(bars, medians, strict=True)]
    axes.barh(
        [bar.label for bar in bars],
        medians,
        xerr=[low, high],
        color=[OURS if bar.ours else OTHERS for bar in bars],
        height=0.62,
        error_kw={"ecolor": INK, "capsize": 3, "lw": 1},
    )
    for row, (bar, median) in enumerate(zip(bars, medians, strict=True)):
        place: dict[str, Any] = {
            "xytext": (8, 0),
            "textcoords": "offset points",
            "va": "center",
            "color": INK,
            "fontsize": 10,
        }
        axes.annotate(shown(median), (max(bar.series), row), **place)
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.set_title(title, loc="left", color=INK, fontsize=11)
    axes.set_xlabel(unit, color=INK, fontsize=9)
    axes.tick_params(colors=INK, labelsize=9)
    axes.tick_params(axis="y", length=0, labelsize=10)
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.grid(axis="x", color=INK, alpha=0.25, lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    figure.savefig(path, transparent=True, metadata={"Date": None})


def shown(value: float) -> str:
    """Three or so digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"

"""What was measured of clusters, as it is kept in docs/scaling.json."""

import statistics
from pathlib import Path
from typing import Any, Final

from bench.cluster.bus import Count
from bench.cluster.costs import Spent
from bench.cluster.model import Costs
from bench.results import ROOT, Results, load_results

__all__ = ["RESULTS", "cost_of", "kept_costs", "load_kept", "memory_of"]

RESULTS: Final = Path("docs/scaling.json")


def load_kept(path: Path = ROOT / RESULTS) -> Results:
    """What was measured so far."""
    return load_results(path)


def kept_costs(results: Results) -> Costs:
    """What each thing costs: see `cost_of`."""
    spent = {}
    for name in results.scenarios["costs"].values:
        cost = cost_of(results, name)
        spent[name] = Spent(Count(**{field: cost[field] for field in Count.__struct_fields__}), cost["node_us"])
    return Costs(spent, memory_of(results, 2)["idle_us_per_s"])


def cost_of(results: Results, name: str) -> dict[str, float]:
    """The medians over the rounds; of processor time the lowest, as all that disturbs only adds to it."""
    rounds = results.scenarios["costs"].values[name]
    return {**_median(rounds), **{figure: min(each[figure] for each in rounds) for figure in ("cpu_us", "node_us")}}


def memory_of(results: Results, level: int) -> dict[str, float]:
    """What peers of that level take."""
    return _median(results.scenarios["memory"].values[f"memory.{level}"])


def _median(rounds: list[dict[str, Any]]) -> dict[str, float]:
    return {field: statistics.median(each[field] for each in rounds) for field in rounds[0]}

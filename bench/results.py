"""What was measured, as it is kept in docs/benchmarks.json."""

import statistics
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

__all__ = ["RESULTS", "Measured", "Results", "load_results", "save_results"]

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = Path("docs/benchmarks.json")


class Measured(Struct):
    """One scenario, all its contestants, in one run."""

    machine: dict[str, str]
    date: str
    rounds: int
    values: dict[str, list[dict[str, Any]]]
    """By contestant, one result a round; the contestants took turns."""

    def median(self, contestant: str, figure: str) -> float:
        """The median over the rounds."""
        return statistics.median(self.series(contestant, figure))

    def series(self, contestant: str, figure: str) -> list[float]:
        """The figure in each round."""
        return [value[figure] for value in self.values[contestant]]

    def costs(self, contestant: str) -> list[dict[str, float]]:
        """What each round cost, as `bench.load.meters.Cost` has it; nothing where that was not measured."""
        return [value["cost"] for value in self.values[contestant] if "cost" in value]


class Results(Struct):
    """All scenarios; each was measured in one go, not necessarily all in the same."""

    scenarios: dict[str, Measured] = {}


def load_results(path: Path = ROOT / RESULTS) -> Results:
    """What was measured so far."""
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else Results()


def save_results(results: Results, path: Path) -> None:
    """Keep it."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")

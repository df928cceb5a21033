"""`python -m bench.cluster`: measure, and write docs/scaling.json and what is made of it, tables and charts.

Fails if what the model says of three nodes is not what they do.
"""

import argparse
import datetime as dt
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from bench.cluster.check import CHECKS, TOLERANCE, check
from bench.cluster.costs import idle_costs, memory_costs, message_costs, news_costs, saved
from bench.cluster.forwarding import CREWS, CROSSINGS, Crossing, measure_crew, measure_crossing
from bench.cluster.report import DOCUMENT, off_by, write_report
from bench.cluster.results import RESULTS, kept_costs, load_kept
from bench.machine import describe, load_cores, pin, raise_file_limit
from bench.results import ROOT, Measured, Results, save_results
from bench.rounds import Disturbance, least_disturbed

ATTEMPTS: Final = 8
"""How often a round is measured that others disturb, at most; the least disturbed one counts."""

LOST: Final = 0.1
"""The part of the cores that may be missing where all is used: 5 % Linux keeps from real-time processes."""


UNSTEADY: Final = 0.7
"""The part of a round at a fixed rate in which the machine may be slower than it usually is: that does not count."""

STEADY_ATTEMPTS: Final = 3


class Scale(Struct, frozen=True):
    """How large a run is: the one that is published, or one to try things out."""

    rounds: int
    seconds: float
    half_s: float
    """At half of the rate, where what comes while the machine does not keep its pace does not count."""
    warm_up_s: float
    rooms: int
    messages: int
    rest_s: float
    crowd: int
    """Rooms of two where memory is measured."""
    idle_s: float
    check_s: int


FULL: Final = Scale(
    rounds=3,
    seconds=2.0,
    half_s=10.0,
    warm_up_s=0.5,
    rooms=60,
    messages=8,
    rest_s=6.0,
    crowd=1000,
    idle_s=25.0,
    check_s=25,
)
SHORT: Final = Scale(
    rounds=1, seconds=1.0, half_s=2.0, warm_up_s=0.3, rooms=20, messages=4, rest_s=2.0, crowd=100, idle_s=2.0, check_s=8
)


def main() -> None:
    """Measure what was asked for. Each part gives what is wrong, or nothing, each time that something was measured."""
    parser = argparse.ArgumentParser(prog="bench.cluster", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all if none is given: {', '.join(PARTS)}")
    parser.add_argument("--short", action="store_true", help="one short round, to see that it works")
    parser.add_argument("--rounds", type=int, help=f"default: {FULL.rounds}")
    parser.add_argument("--results", type=Path, help="where to keep them, without a report")
    options = parser.parse_args()
    wanted = options.parts or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    root = _copy_of_documents() if options.short else ROOT
    kept_in = options.results or root / RESULTS
    scale = SHORT if options.short else FULL
    if options.rounds:
        scale = msgspec.structs.replace(scale, rounds=options.rounds)
    raise_file_limit()
    pin(load_cores())
    results = load_kept(kept_in)
    problems: list[str] = []
    for part in wanted:
        for problem in PARTS[part](results, scale):
            if problem:
                problems.append(problem)
            save_results(results, kept_in)
    if options.results is None:
        write_report(results, root)
    _say(f"The results are in {kept_in}")
    for problem in problems:
        _say(f"FAILED: {problem}")
    sys.exit(bool(problems))


def _crossing(results: Results, scale: Scale) -> Iterator[str]:
    """As fast as it goes."""
    for number in range(scale.rounds):
        for crossing in CROSSINGS:
            value = _undisturbed(
                partial(measure_crossing, crossing, None, warm_up_s=scale.warm_up_s, seconds=scale.seconds),
            )
            yield _keep(results, "crossing", number, crossing.name, value)


def _half(results: Results, scale: Scale) -> Iterator[str]:
    """Half as fast as it went just before: the machine is not as fast at all times."""
    for number in range(scale.rounds):
        for crossing in CROSSINGS:
            value = _steadiest(partial(_half_of_top, crossing, scale))
            yield _keep(results, "half", number, crossing.name, value)


def _half_of_top(crossing: Crossing, scale: Scale) -> dict[str, Any]:
    top = measure_crossing(crossing, None, warm_up_s=scale.warm_up_s, seconds=scale.seconds)["messages_per_s"]
    return measure_crossing(crossing, top / 2, warm_up_s=scale.warm_up_s, seconds=scale.half_s)


def _crew(results: Results, scale: Scale) -> Iterator[str]:
    for number in range(scale.rounds):
        for crew in CREWS:
            value = _undisturbed(
                partial(measure_crew, crew, warm_up_s=scale.warm_up_s, seconds=scale.seconds), crew.workers
            )
            yield _keep(results, "crew", number, crew.name, value)


def _costs(results: Results, scale: Scale) -> Iterator[str]:
    for number in range(scale.rounds):
        costs = idle_costs(scale.rest_s)
        costs |= message_costs(scale.rooms, scale.messages, scale.rest_s)
        costs |= news_costs(max(4, scale.rooms // 6), scale.messages, scale.rest_s)
        for name, value in saved(costs).items():
            yield _keep(results, "costs", number, name, value)


def _memory(results: Results, scale: Scale) -> Iterator[str]:
    for name, value in memory_costs(scale.crowd, scale.idle_s).items():
        yield _keep(results, "memory", 0, name, value)


def _check(results: Results, scale: Scale) -> Iterator[str]:
    """Whether the model is right."""
    for profile in CHECKS:
        value = check(profile, kept_costs(results), scale.check_s)
        yield _keep(results, "check", 0, f"check.{profile.level}", value)
        for figure, error in off_by(value).items():
            _say(f"check, level {profile.level}, {figure}: the model is off by {error:+.1%}")
            if abs(error) > TOLERANCE:
                yield f"of level {profile.level} the model says {error:+.0%} {figure}"


PARTS: Final[dict[str, Callable[[Results, Scale], Iterator[str]]]] = {
    "crossing": _crossing,
    "half": _half,
    "crew": _crew,
    "costs": _costs,
    "memory": _memory,
    "check": _check,
}


def _undisturbed(measure: Callable[[], dict[str, Any]], shared_cores: int = 0) -> dict[str, Any]:
    """A round in which others took nothing of the cores, or the one of several in which they took least.

    Nodes that share a core wait for each other, so how long they waited says nothing. But all of the cores is used, by
    what is measured or by others. On `shared_cores` is a load each, and the bus.
    """

    def disturbance(value: dict[str, Any]) -> Disturbance:
        cost = value["cost"]
        used = cost["server_cpu"] + shared_cores * cost["load_cpu"] + min(shared_cores, 1) * cost.get("bus_cpu", 0.0)
        lost = 1 - used / max(1, shared_cores)
        value["lost"] = lost
        return Disturbance(lost, LOST, f"others had {lost:.1%} of the cores")

    return least_disturbed(measure, disturbance, ATTEMPTS, _say)


def _steadiest(measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A round in which the machine kept its pace for a while, or the one of several in which it did so for longest."""

    def disturbance(value: dict[str, Any]) -> Disturbance:
        unsteady = 1 - value["steady"]
        return Disturbance(unsteady, UNSTEADY, f"the machine did not keep its pace for {unsteady:.0%} of the time")

    return least_disturbed(measure, disturbance, STEADY_ATTEMPTS, _say)


def _keep(results: Results, part: str, number: int, name: str, value: dict[str, Any]) -> str:
    """Add a round to the results; there is nothing wrong with it."""
    measured = results.scenarios.get(part)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    if measured is None:
        measured = results.scenarios[part] = Measured(_machine(), today, 0, {})
    if number == 0:
        measured.machine, measured.date, measured.values[name] = _machine(), today, []
    measured.rounds = number + 1
    measured.values[name].append(value)
    _say(f"{part} {number + 1} {name}: {_brief(value)}")
    return ""


def _machine() -> dict[str, str]:
    libraries = {name: version(name) for name in ("redis", "hiredis")}
    return describe({**libraries, "Redis server": _redis_version()}, restless=True)


def _redis_version() -> str:
    found = shutil.which("redis-server")
    if found is None:
        return "not there"
    said = _output(found, "--version")
    return next((word[2:] for word in said if word.startswith("v=")), "unknown")


def _output(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()


def _copy_of_documents() -> Path:
    """Where a short run, whose figures mean nothing, may write them."""
    root = Path(tempfile.mkdtemp(prefix="heliograph-bench-"))
    (root / RESULTS).parent.mkdir()
    shutil.copy(ROOT / DOCUMENT, root / DOCUMENT)
    return root


def _brief(value: dict[str, Any]) -> str:
    shown = {**value, **value.get("cost", {})}
    return ", ".join(f"{key} {number:.4g}" for key, number in shown.items() if isinstance(number, int | float))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

"""`python -m bench`: measure, and write docs/benchmarks.json and what is made of it, tables and charts.

The rounds go through all contestants in turn, so that what else the machine does meets all of them.
"""

import argparse
import datetime as dt
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench.contestants import CONTESTANTS, Contestant, node, running
from bench.data_channel import DATA_CHANNEL, time_to_data_channel
from bench.load.job import Job
from bench.machine import describe, load_cores, pin, raise_file_limit
from bench.plan import FULL, SCENARIOS, SHORT, Scale, Scenario
from bench.report import DOCUMENT, README, write_report
from bench.results import RESULTS, ROOT, Measured, Results, load_results, save_results
from bench.rounds import Disturbance, lateness, least_disturbed

JOB_TIMEOUT_S = 300

UNDISTURBED = 0.15
"""For how much of the time the server or the load may have to wait for others in a round that counts: the 5 % of each
core that Linux keeps from real-time processes, and half as much again."""

SATURATED = 0.95
"""The share of its core from which on the load may be what limits, and two processes make it instead of one."""


def main() -> None:
    """Measure what was asked for."""
    names = [*(scenario.name for scenario in SCENARIOS), DATA_CHANNEL]
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"all if none is given: {', '.join(names)}")
    parser.add_argument("--short", action="store_true", help="one short round, to see that it works")
    parser.add_argument("--rounds", type=int, help=f"default: {FULL.rounds}")
    parser.add_argument("--crowd", type=int, help=f"peers where there are many; default: {FULL.crowd}")
    parser.add_argument("--contestants", nargs="+", choices=[contestant.name for contestant in CONTESTANTS])
    parser.add_argument("--results", type=Path, help="where to keep them, without a report")
    options = parser.parse_args()
    root = _copy_of_documents() if options.short else ROOT
    kept_in = options.results or root / RESULTS
    wanted = options.scenarios or names
    if unknown := set(wanted) - set(names):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    scale = SHORT if options.short else FULL
    if options.rounds:
        scale = msgspec.structs.replace(scale, rounds=options.rounds)
    if options.crowd:
        scale = msgspec.structs.replace(scale, crowd=options.crowd)
    raise_file_limit()
    cores = load_cores()
    pin(cores)
    machine = describe({"Node.js": _output(node(), "--version"), "peer (npm)": _peer_version()})
    results = load_results(kept_in)
    for scenario in SCENARIOS:
        if scenario.name in wanted:
            for measured in _rounds(scenario, scale, machine, results, options.contestants):
                results.scenarios[scenario.name] = measured
                save_results(results, kept_in)
    if DATA_CHANNEL in wanted:
        values = time_to_data_channel(3 if options.short else 15)
        results.scenarios[DATA_CHANNEL] = Measured(machine, _today(), len(values["python"]), values)
        save_results(results, kept_in)
    if options.results is None:
        write_report(results, root)
    _say(f"The results are in {kept_in}")


def _copy_of_documents() -> Path:
    """Where a short run, whose figures mean nothing, may write them."""
    root = Path(tempfile.mkdtemp(prefix="heliograph-bench-"))
    (root / RESULTS).parent.mkdir()
    for document in (DOCUMENT, README):
        shutil.copy(ROOT / document, root / document)
    return root


def _rounds(
    scenario: Scenario, scale: Scale, machine: dict[str, str], results: Results, only: list[str] | None
) -> Iterator[Measured]:
    """What is measured after each round."""
    chosen = [contestant for contestant in scenario.contestants if only is None or contestant.name in only]
    values: dict[str, list[dict[str, Any]]] = {contestant.name: [] for contestant in chosen}
    for number in range(scale.rounds):
        for contestant in chosen:
            value = _undisturbed(scenario, scale, contestant, _rate(scenario, contestant, results))
            values[contestant.name].append(value)
            _say(f"{scenario.name} {number + 1}/{scale.rounds} {contestant.name}: {_brief(value)}")
        yield Measured(machine, _today(), number + 1, values)


def _undisturbed(scenario: Scenario, scale: Scale, contestant: Contestant, rate: float | None) -> dict[str, Any]:
    """A round during which the machine did nothing else, and in which the load was not what limits."""

    def measure() -> dict[str, Any]:
        value = _run(scenario, scale, contestant, rate)
        may_limit = scenario.kind == "closed_loop" and value["cost"]["load_cpu"] >= SATURATED
        if may_limit and len(load_cores()) > 1:
            value = _run(scenario, scale, contestant, rate, processes=2)
        return value

    about = f"{scenario.name} {contestant.name}"
    return least_disturbed(measure, _disturbance, scale.attempts, lambda words: _say(f"{about}: {words}"))


def _disturbance(value: dict[str, Any]) -> Disturbance | None:
    if "cost" not in value:
        return None
    lost = value["cost"]["disturbed"]
    return lateness(value) or Disturbance(lost, UNDISTURBED, f"disturbed for {lost:.1%} of the time")


def _run(
    scenario: Scenario, scale: Scale, contestant: Contestant, rate: float | None, *, processes: int = 1
) -> dict[str, Any]:
    options = dict(scenario.options)
    if scenario.timed:
        options |= {"warm_up_s": scale.warm_up_s, "seconds": scale.seconds}
    if rate is not None:
        options["rate"] = rate
    with running(contestant, peers=scenario.peers or scale.crowd, room_size=scenario.room_size) as server:
        job = Job(scenario.kind, server.port, server.pid, server.dialect, options, processes)
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(msgspec.json.encode(job))
            file.flush()
            answer = subprocess.run(
                [sys.executable, "-m", "bench.load", file.name],
                stdout=subprocess.PIPE,
                timeout=JOB_TIMEOUT_S,
                check=True,
            )
    value: dict[str, Any] = msgspec.json.decode(answer.stdout)
    return value


def _rate(scenario: Scenario, contestant: Contestant, results: Results) -> float | None:
    """Half of the maximum that was measured before, in messages a second."""
    if not scenario.rate_of:
        return None
    maximum = results.scenarios.get("forward-300-100")
    name = contestant.name if scenario.rate_of == "itself" else scenario.rate_of
    if maximum is None or name not in maximum.values:
        raise SystemExit(f"{scenario.name} needs the maximum of {name}: measure forward-300-100 first")
    return maximum.median(name, "messages_per_s") / 2


def _brief(value: dict[str, Any]) -> str:
    return ", ".join(f"{key} {shown:.4g}" for key, shown in value.items() if isinstance(shown, int | float)) + (
        f" (server {value['cost']['server_cpu']:.0%}, load {value['cost']['load_cpu']:.0%})" if "cost" in value else ""
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def _peer_version() -> str:
    package = Path(__file__).parent / "node_modules" / "peer" / "package.json"
    if not package.exists():
        raise SystemExit("PeerServer is not installed: `nox -s bench` does that")
    version: str = msgspec.json.decode(package.read_bytes())["version"]
    return version


if __name__ == "__main__":
    main()

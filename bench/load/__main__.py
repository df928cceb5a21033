"""`python -m bench.load FILE`: carry out what the file says, and print what was measured, both as JSON."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from bench.load.crowds import connects, fan_out, idle_memory, storm
from bench.load.job import Job
from bench.load.pairs import closed_loop, open_loop, prove
from bench.load.places import by_process
from bench.load.slow_reader import slow_reader
from bench.load.team import at_once, both_halves
from bench.load.wires import Wire, drain, open_all
from bench.machine import prefer

OPENING_AT_ONCE = 50


def main() -> None:
    """One job."""
    job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    prefer(restless=job.kind == "open_loop" or bool(job.nodes))
    sys.stdout.buffer.write(msgspec.json.encode(carry_out(job)))


def carry_out(job: Job) -> dict[str, Any]:
    """What the job is about."""
    server = job.port, job.dialect, job.pid
    options: Any = job.options
    match job.kind:
        case "closed_loop":
            wires = opened(job, prove_size=options["size"])

            def measure(some: list[Wire]) -> dict[str, Any]:
                return closed_loop(some, job.dialect, job.served, sleeps=job.sleeps, **options)

            if job.processes == 1:
                return measure(wires)
            if not job.cores:
                return both_halves(wires, measure)
            return at_once(by_process(wires, job.nodes), measure, job.cores)
        case "open_loop":
            return open_loop(opened(job, prove_size=options["size"]), job.dialect, job.served, **options)
        case "slow_reader":
            return slow_reader(opened(job), job.dialect, job.pid, **options)
        case "connects":
            return connects(*server, **options)
        case "idle_memory":
            return idle_memory(*server, **options)
        case "storm":
            return storm(*server, **options)
        case "fan_out":
            return fan_out(*server, **options)


def opened(job: Job, *, prove_size: int = 300) -> list[Wire]:
    """All peers registered, what they were told on the way read, and a message seen to arrive."""
    count = len(job.dialect.passes)
    # Rooms have their home where their first peer is.
    turns = [range(0, count, 2), range(1, count, 2)] if job.ports else [range(count)]
    wires = []
    for numbers in turns:
        wires += open_all(job.ports or job.port, job.dialect, numbers, at_once=OPENING_AT_ONCE).wires
    wires.sort(key=lambda wire: wire.number)
    drain(wires)
    prove(wires, job.dialect, prove_size)
    return wires


if __name__ == "__main__":
    main()

"""`python -m bench.load FILE`: carry out what the file says, and print what was measured, both as JSON."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from bench.load.crowds import connects, fan_out, idle_memory, storm
from bench.load.job import Job
from bench.load.pairs import closed_loop, open_loop
from bench.load.slow_reader import slow_reader
from bench.load.wires import Wire, drain, open_all

OPENING_AT_ONCE = 50


def main() -> None:
    """One job."""
    job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(carry_out(job)))


def carry_out(job: Job) -> dict[str, Any]:
    """What the job is about."""
    server = job.port, job.dialect, job.pid
    options: Any = job.options
    match job.kind:
        case "closed_loop":
            return closed_loop(opened(job), job.dialect, job.pid, **options)
        case "open_loop":
            return open_loop(opened(job), job.dialect, job.pid, **options)
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


def opened(job: Job) -> list[Wire]:
    """All peers registered, and what they were told on the way read."""
    wires = open_all(job.port, job.dialect, range(len(job.dialect.passes)), at_once=OPENING_AT_ONCE).wires
    drain(wires)
    return wires


if __name__ == "__main__":
    main()

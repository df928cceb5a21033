"""`python -m bench.soak`: ten minutes at half load, with a thousand peers that come and go, and what is left of it.

Fails if the server's memory grows once it has settled, or if a task or a file is left when everyone has gone.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from msgspec import Struct

from bench.contestants import PICOWS_2, Running, running
from bench.dialects import Dialect, Session
from bench.load.job import Job, Kind
from bench.load.wires import drain, open_all, reset_all
from bench.machine import load_cores, open_files, pin, raise_file_limit, resident_bytes

PAIRS: Final = 100
SIZE: Final = 300
SLICE_S: Final = 25.0
"""How long one set of pairs stays."""
STAY_S: Final = 3.0
"""How long those who come stay."""
GONE_S: Final = 60.0
"""How long the server has to let go of everyone: a resume window and then some."""
GROWTH_BYTES: Final = 4 * 2**20
"""By how much the median of the last third of the run may be above that of the second."""


class State(Struct):
    """What the server holds on to."""

    resident: int
    files: int
    tasks: int


def main() -> None:
    """Soak, and say what is left."""
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--crowd", type=int, default=1000, help="peers that come and go")
    options = parser.parse_args()
    raise_file_limit()
    pin(load_cores())
    with running(PICOWS_2, peers=2 * PAIRS + options.crowd, room_size=10) as server:
        problems = soak(server, options.seconds)
    for problem in problems:
        print(f"FAILED: {problem}")
    sys.exit(bool(problems))


def soak(server: Running, seconds: float) -> list[str]:
    """What is wrong with the server after that long."""
    everyone = server.dialect
    pairs = Dialect(everyone.kind, everyone.level, everyone.passes[: 2 * PAIRS])
    crowd = Dialect(everyone.kind, everyone.level, everyone.passes[2 * PAIRS :])
    with load(server, pairs, "closed_loop", size=SIZE, warm_up_s=1.0, seconds=4.0) as fastest:
        maximum = msgspec.json.decode(fastest.communicate()[0])["messages_per_s"]
    before = at_rest(server)
    print(f"At most {maximum:,.0f} messages/s; now at half of that, while {len(crowd.passes):,} peers come and go.")
    memory, latencies = [], []
    rng = random.Random(1)
    sessions: dict[int, Session] = {}
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with load(server, pairs, "open_loop", size=SIZE, rate=maximum / 2, warm_up_s=1.0, seconds=SLICE_S) as talk:
            while talk.poll() is None:
                sessions = come_and_go(server, crowd, sessions, rng)
                memory.append(resident_bytes(server.pid))
            latencies.append(msgspec.json.decode(talk.communicate()[0])["p99_ms"])
        print(
            f"{memory[-1] / 2**20:.1f} MiB, {len(latencies)} x {SLICE_S:.0f} s, p99 {latencies[-1]:.2f} ms", flush=True
        )
    after = settled(server, before)
    third = len(memory) // 3
    growth = statistics.median(memory[2 * third :]) - statistics.median(memory[third : 2 * third])
    print(f"Median p99 {statistics.median(latencies):.2f} ms; grown by {growth / 2**20:+.2f} MiB in the last third.")
    print(f"Before: {before}; after everyone has gone: {after}.")
    problems = []
    if growth > GROWTH_BYTES:
        problems.append(f"memory grew by {growth / 2**20:.1f} MiB")
    if after.files > before.files:
        problems.append(f"{after.files - before.files} files are left open")
    if after.tasks > before.tasks:
        problems.append(f"{after.tasks - before.tasks} tasks are left")
    return problems


def come_and_go(
    server: Running, crowd: Dialect, sessions: dict[int, Session], rng: random.Random
) -> dict[int, Session]:
    """All come, every other one of those with a session back into it, stay for a while, and are cut off."""
    numbers = rng.sample(range(len(crowd.passes)), len(crowd.passes))
    back = {number: session for number, session in sessions.items() if number % 2}
    opened = open_all(server.port, crowd, numbers, at_once=50, sessions=back)
    until = time.monotonic() + STAY_S
    while True:
        drain(opened.wires)
        for wire in opened.wires:
            wire.confirm()
        if time.monotonic() > until:
            break
    reset_all(opened.wires)
    return {wire.number: wire.session for wire in opened.wires if wire.session is not None}


@contextmanager
def load(server: Running, dialect: Dialect, kind: Kind, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that makes load, until it is done."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(msgspec.json.encode(Job(kind, server.port, server.pid, dialect, options)))
        file.flush()
        with subprocess.Popen([sys.executable, "-m", "bench.load", file.name], stdout=subprocess.PIPE) as process:
            try:
                yield process
            finally:
                process.kill()


def look(server: Running) -> State:
    """The server as it is."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    tasks = next(line for line in lines if line.startswith("heliograph_tasks "))
    return State(resident_bytes(server.pid), open_files(server.pid), int(float(tasks.split()[1])))


def at_rest(server: Running) -> State:
    """The server when it has opened what it keeps open, and let go of those who have just been there."""
    state = look(server)
    while True:
        time.sleep(1.0)
        previous, state = state, look(server)
        if (state.files, state.tasks) == (previous.files, previous.tasks):
            return state


def settled(server: Running, before: State) -> State:
    """The server once it has let go of everyone, or when its time for that is over."""
    deadline = time.monotonic() + GONE_S
    while True:
        state = look(server)
        if (state.files <= before.files and state.tasks <= before.tasks) or time.monotonic() > deadline:
            return state
        time.sleep(1.0)


if __name__ == "__main__":
    main()

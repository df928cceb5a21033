"""`python -m bench.connections`: how fast peers connect, what connections leave behind, how soon a kill is noticed.

Server, worker and clients are on this machine, the worker in a process of its own. Fails if a limit is passed: it
wants a quiet machine.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import heliograph
from bench.machine import open_files, resident_bytes

ROOT: Final = Path(__file__).parents[1]
WORKER: Final = "Worker-1"
START_LIMIT_S: Final = 30
CONNECT_LIMIT_MS: Final = 150.0
NOTICE_LIMIT_S: Final = 5.0
GROWTH_LIMIT_BYTES: Final = 5_000_000
WARM_UP: Final = 50
"""Connections before the first look: what is imported, cached and pooled once."""
SETTLE_S: Final = 3.0


async def connected_ms(link: str, times: int, **options: Any) -> list[float]:
    """From nothing to an open channel, sign-in included, so many times."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        async with heliograph.connect(link, peer=WORKER, **options) as connection:
            took.append(1000 * (time.perf_counter() - started))
            await connection.channel("chat").send("hello")
    return took


class Left(NamedTuple):
    """What a process holds on to."""

    memory: int
    after_collecting: int
    files: int
    tasks: int


async def cycles(link: str, worker: int, times: int) -> list[str]:
    """Connect and close so many times; what is wrong with what is left."""
    await connected_ms(link, WARM_UP)
    before = await _look(link, worker)
    await connected_ms(link, times)
    after = await _look(link, worker)
    problems = []
    for side, was, now in zip(("client", "worker"), before, after, strict=True):
        left = now.after_collecting - was.after_collecting
        print(
            f"{times} connections, {side}: {(now.memory - was.after_collecting) / 1e6:+.2f} MB,"
            f" {left / 1e6:+.2f} MB after a garbage collection;"
            f" {now.files - was.files:+d} files, {now.tasks - was.tasks:+d} tasks",
            flush=True,
        )
        if left >= GROWTH_LIMIT_BYTES:
            problems.append(f"{side}: {left / 1e6:.1f} MB are left of {times} connections")
        if now.files > was.files or now.tasks > was.tasks:
            problems.append(f"{side}: files or tasks are left: {was} before, {now} after")
    return problems


async def _look(link: str, worker: int) -> tuple[Left, Left]:
    """What both sides hold, the worker while one client asks it."""
    await asyncio.sleep(SETTLE_S)  # until the timers of what was closed have passed
    memory = resident_bytes(os.getpid()), resident_bytes(worker)
    gc.collect()
    mine = resident_bytes(os.getpid()), open_files(os.getpid()), len(asyncio.all_tasks())
    async with heliograph.connect(link, peer=WORKER) as connection:
        tasks = await connection.call("collect", returns=int)
        theirs = resident_bytes(worker), open_files(worker), tasks
    return Left(memory[0], *mine), Left(memory[1], *theirs)


async def noticed_s(link: str, id_token: str, times: int) -> list[float]:
    """From a worker's death by SIGKILL to the client's `Reconnecting`, so many times."""
    took = []
    for number in range(times):
        async with (
            worker_process(link, f"Mortal-{number}", id_token) as process,
            heliograph.connect(link, peer=f"Mortal-{number}") as connection,
        ):
            await connection.channel("chat").send("hello")
            await connection.channel("chat").receive()
            events = connection.events()
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(number / times)  # at any moment between two pings
            process.kill()
            killed_at = time.perf_counter()
            async with asyncio.timeout(10 * NOTICE_LIMIT_S):
                await waiting
            took.append(time.perf_counter() - killed_at)
    return took


@contextlib.asynccontextmanager
async def worker_process(link: str, name: str, id_token: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker that echoes, once it is there."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "bench" / "worker.py"), link, name, id_token), stdout=subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("The worker's output is not piped")
        async with asyncio.timeout(START_LIMIT_S):
            await process.stdout.readline()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def told(what: str, values: Sequence[float], unit: str) -> float:
    """Print a distribution; its median."""
    ordered = sorted(values)
    median = statistics.median(ordered)
    near = ordered[int(0.9 * len(ordered))]
    print(
        f"{what}: median {median:.3g} {unit}, 90 % within {near:.3g}, {ordered[0]:.3g} to {ordered[-1]:.3g}"
        f" ({len(ordered)} times)",
        flush=True,
    )
    return median


async def main(options: argparse.Namespace) -> list[str]:
    """Measure, print, and say what is over its limit."""
    sys.path.insert(0, str(ROOT / "tests"))
    from server_process import running_server  # noqa: PLC0415 - where the tests have it

    problems = []
    with tempfile.TemporaryDirectory() as name, contextlib.closing(socket.socket(type=socket.SOCK_DGRAM)) as hole:
        hole.bind(("127.0.0.1", 0))  # takes everything and answers nothing
        silent = f"stun:127.0.0.1:{hole.getsockname()[1]}"
        environment = {"HELIOGRAPH_SIGNIN_LIMIT": "0"}
        async with running_server(Path(name), environment) as server, heliograph.Api(server.url) as api:
            mine = (await api.sign_in()).id_token
            room = await api.create_room(id_token=mine)
            link = f"{server.url}/#room={room.room_id}&token={room.token}"
            async with worker_process(link, WORKER, mine) as worker:
                median = told("connect() to an open channel", await connected_ms(link, options.connects), "ms")
                if median >= CONNECT_LIMIT_MS:
                    problems.append(f"connecting takes {median:.0f} ms")
                lame = await connected_ms(link, options.connects // 4, ice_servers=[silent])
                told("... with a STUN server that never answers", lame, "ms")
                problems += await cycles(link, worker.pid, options.cycles)
            noticed = await noticed_s(link, mine, options.kills)
            told("kill -9 of the worker noticed", noticed, "s")
            if max(noticed) >= NOTICE_LIMIT_S:
                problems.append(f"a killed worker was noticed after {max(noticed):.1f} s")
    return problems


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.connections", description=__doc__)
    parser.add_argument("--connects", type=int, default=100)
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--kills", type=int, default=20)
    found = asyncio.run(main(parser.parse_args()))
    for problem in found:
        print(f"FAILED: {problem}")
    sys.exit(bool(found))

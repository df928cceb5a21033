"""Many peers that come, stay, go and come back."""

import select
import time
from typing import Any, Final

from bench.dialects import Dialect, compact, frame
from bench.load.meters import Meter
from bench.load.pairs import CONFIRM_EVERY, quantiles
from bench.load.wires import CHUNK, Wire, drain, open_all, reset_all
from bench.machine import open_files, resident_bytes

__all__ = ["connects", "fan_out", "idle_memory", "storm"]

SETTLE_S: Final = 3.0
"""How long the server has for what it puts off, before its memory is read."""

GONE_TIMEOUT_S: Final = 30.0


def connects(port: int, dialect: Dialect, pid: int, *, warm_up: int, at_once: int) -> dict[str, Any]:
    """TCP, WebSocket and registration of one peer after the other, some at once. Peers a second."""
    open_all(port, dialect, range(warm_up), at_once=at_once)
    meter = Meter(pid)
    opened = open_all(port, dialect, range(warm_up, len(dialect.passes)), at_once=at_once)
    cost = meter.read()
    times = [wire.opened_after_s for wire in opened.wires]
    return {"peers_per_s": len(times) / opened.seconds, **quantiles(times), "cost": cost}


def idle_memory(port: int, dialect: Dialect, pid: int, *, warm_up: int, at_once: int) -> dict[str, Any]:
    """What the server's resident set grows by, a registered peer that says nothing."""
    _cut_off(open_all(port, dialect, range(warm_up), at_once=at_once).wires, pid)  # what they cost is paid once
    time.sleep(SETTLE_S)
    before = resident_bytes(pid)
    opened = open_all(port, dialect, range(len(dialect.passes)), at_once=at_once)
    drain(opened.wires)
    time.sleep(SETTLE_S)
    grown = resident_bytes(pid) - before
    return {"kib_per_peer": grown / 1024 / len(opened.wires), "before_mib": before / 2**20}


def storm(port: int, dialect: Dialect, pid: int, *, at_once: int) -> dict[str, Any]:
    """Everyone is cut off, and comes back in the same moment: how long until the last one is registered."""
    opened = open_all(port, dialect, range(len(dialect.passes)), at_once=at_once)
    drain(opened.wires)
    sessions = {wire.number: wire.session for wire in opened.wires if wire.session is not None}
    _cut_off(opened.wires, pid)
    meter = Meter(pid)
    everyone = len(dialect.passes)
    back = open_all(port, dialect, range(everyone), at_once=everyone, sessions=sessions, persistent=True)
    cost = meter.read()
    times = [wire.opened_after_s for wire in back.wires]
    return {"seconds": back.seconds, "again": back.again, **quantiles(times), "cost": cost}


def fan_out(port: int, dialect: Dialect, pid: int, *, at_once: int, updates: int) -> dict[str, Any]:
    """One peer of a large room changes its metadata: how long until everyone else has heard it."""
    opened = open_all(port, dialect, range(len(dialect.passes)), at_once=at_once)
    drain(opened.wires)
    first, *others = opened.wires
    first.socket.setblocking(True)
    times: list[float] = []
    heard = 0
    with select.epoll() as poller:
        by_fd = {wire.socket.fileno(): wire for wire in others}
        for fd in by_fd:
            poller.register(fd, select.EPOLLIN)
        _change(first, 0)
        drain(others)  # the first one is for warming up; those after it are as long
        meter = Meter(pid)
        for number in range(1, updates + 1):
            started = time.perf_counter()
            _change(first, number)
            waiting = set(by_fd)
            while waiting:
                for fd, _ in poller.poll(1.0):
                    by_fd[fd].socket.recv(CHUNK)
                    waiting.discard(fd)
                if time.perf_counter() - started > GONE_TIMEOUT_S:
                    raise TimeoutError(f"{len(waiting)} peers have not heard the news")
            times.append(time.perf_counter() - started)
            heard += len(by_fd)
            if number % CONFIRM_EVERY == 0:
                for wire in others:
                    wire.socket.send(frame(compact({"type": "received", "count": number})))
        cost = meter.read()
    return {"news_per_s": heard / sum(times), **quantiles(times), "cost": cost}


def _change(wire: Wire, number: int) -> None:
    """Change a property, and wait for the server's word that it is changed."""
    metadata = {"properties": {"load": f"{number:06d}"}}
    wire.socket.send(frame(compact({"type": "update_metadata", "metadata": metadata})))
    answer = b""
    while b'"metadata_updated"' not in answer:
        answer += wire.socket.recv(CHUNK)


def _cut_off(wires: list[Wire], pid: int) -> None:
    """Cut peers off, and wait until the server has noticed."""
    files = open_files(pid)
    reset_all(wires)
    deadline = time.monotonic() + GONE_TIMEOUT_S
    while open_files(pid) > files - len(wires):
        if time.monotonic() > deadline:
            raise TimeoutError("The server does not let go of peers that have gone")
        time.sleep(0.05)

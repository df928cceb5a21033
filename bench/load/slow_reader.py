"""One peer that reads nothing while others send to it, beside a thousand that do."""

import select
import time
from typing import Any, Final

from bench.dialects import Dialect, frame
from bench.load.meters import Meter
from bench.load.pairs import closed_loop
from bench.load.wires import Wire
from bench.machine import resident_bytes

__all__ = ["slow_reader"]

FLOOD_BYTES: Final = 2000
FLOOD_MESSAGES: Final = 20_000
"""40 MB: more than the kernel keeps for one connection, and than a server should."""


def slow_reader(wires: list[Wire], dialect: Dialect, pid: int, *, warm_up_s: float, seconds: float) -> dict[str, Any]:
    """Messages a second between the pairs, before and after one peer was sent more than it reads."""
    *pairs, sender, slow = wires
    before = closed_loop(pairs, dialect, pid, size=300, warm_up_s=warm_up_s, seconds=seconds)
    resident = resident_bytes(pid)
    meter = Meter(pid)
    message = frame(dialect.message(sender.number, slow.number, FLOOD_BYTES))
    sender.socket.setblocking(True)
    sender.socket.settimeout(30)
    for _ in range(FLOOD_MESSAGES):
        sender.socket.sendall(message)
    flood = meter.read()
    time.sleep(1.0)
    grown = resident_bytes(pid) - resident
    after = closed_loop(pairs, dialect, pid, size=300, warm_up_s=warm_up_s, seconds=seconds)
    return {
        "before_per_s": before["messages_per_s"],
        "after_per_s": after["messages_per_s"],
        "grown_mib": grown / 2**20,
        "closed": _has_been_closed(slow),
        "cost": flood,
    }


def _has_been_closed(wire: Wire) -> bool:
    """Whether the server gave the slow peer up: its connection ends once what the kernel keeps is read."""
    with select.epoll() as poller:
        poller.register(wire.socket.fileno(), select.EPOLLIN)
        try:
            while poller.poll(0.5):
                if not wire.socket.recv(1 << 20):
                    return True
        except ConnectionError:
            return True
    return False

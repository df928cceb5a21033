"""One peer that reads nothing while another one sends to it, beside a thousand that do read."""

import socket
from contextlib import suppress
from typing import Any, Final

from bench.dialects import Dialect, frame
from bench.load.pairs import closed_loop
from bench.load.wires import CHUNK, Wire, drain
from bench.machine import resident_bytes

__all__ = ["slow_reader"]

FLOOD_BYTES: Final = 2000
FLOOD_A_TURN: Final = 20
"""Messages to the slow peer for each turn of the loop of the others, as far as the server takes them."""

CLOSED_WITHIN_S: Final = 7.0
"""Longer than a server waits for a peer that it has told to go to close its side."""


def slow_reader(wires: list[Wire], dialect: Dialect, pid: int, *, warm_up_s: float, seconds: float) -> dict[str, Any]:
    """Messages a second between the pairs: alone, while one peer is sent what it does not read, and after that."""
    *pairs, sender, slow = wires
    flood = _Flood(sender, frame(dialect.message(sender.number, slow.number, FLOOD_BYTES)))
    how: dict[str, Any] = {"size": 300, "seconds": seconds}
    before = closed_loop(pairs, dialect, pid, warm_up_s=warm_up_s, **how)
    drain(pairs)
    resident = resident_bytes(pid)
    beside = closed_loop(pairs, dialect, pid, warm_up_s=0.0, each_turn=flood.step, **how)
    grown = resident_bytes(pid) - resident
    drain(pairs)
    after = closed_loop(pairs, dialect, pid, warm_up_s=0.0, **how)
    return {
        "before_per_s": before["messages_per_s"],
        "beside_per_s": beside["messages_per_s"],
        "after_per_s": after["messages_per_s"],
        "flood_mb": flood.sent / 1e6,
        "grown_mib": grown / 2**20,
        "closed": _has_been_closed(slow),
        "cost": beside["cost"],
    }


class _Flood:
    """Sends to a peer that does not read, and reads what its own sender is told of that."""

    def __init__(self, sender: Wire, message: bytes) -> None:
        self._socket: socket.socket = sender.socket
        self._message = message
        self._left = b""
        """Of a message that the kernel took a part of."""
        self.sent = 0

    def step(self) -> None:
        """As many messages as a turn has, or as the kernel takes."""
        with suppress(BlockingIOError):  # nobody has complained
            self._socket.recv(CHUNK)
        with suppress(BlockingIOError):  # the server is behind
            for _ in range(FLOOD_A_TURN):
                piece = self._left or self._message
                taken = self._socket.send(piece)
                self.sent += taken
                self._left = piece[taken:]


def _has_been_closed(wire: Wire) -> bool:
    """Whether the server has given the slow peer up: its connection ends once what the kernel keeps is read."""
    wire.socket.settimeout(CLOSED_WITHIN_S)
    try:
        while wire.socket.recv(CHUNK):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True

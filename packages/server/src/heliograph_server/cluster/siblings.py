"""The other processes of one server on this machine, and how a peer's connection goes from one to another.

A peer that knocks at one process and whose room is at home in another one is not passed on message by message: the
other process gets the socket itself (`SCM_RIGHTS`), and with it what the peer has said so far. From then on it is as if
the peer had knocked there. Where the operating system can't do that, or the other process does not keep up, the peer
stays, and its messages go through a pipe.
"""

import asyncio
import socket
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from heliograph_server.transport.vestibule import SAID_BYTES, HandOver

__all__ = ["Siblings"]

ARRIVALS_A_TURN: Final = 64
"""How many connections are taken before others of this process have their turn."""

BACKLOG: Final = 64

_PACKETS: Final = getattr(socket, "SOCK_SEQPACKET", None)

_log = structlog.get_logger(__name__)

Arrive = Callable[[socket.socket, bytes], None]
"""Goes on with a connection that another process has handed over."""


class Siblings:
    """Those who have an address in `folder`, which nobody else may use: each under the name of its node."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""
        self._ears: list[socket.socket] = []
        """Where others knock, and then what each of them hands over through."""
        self._lines: dict[str, socket.socket] = {}
        """To those that something was handed over to."""

    def open(self, name: str, arrive: Arrive) -> None:
        """Be reachable for the others. Raises `OSError`."""
        if _PACKETS is None:
            return
        knocker = socket.socket(socket.AF_UNIX, _PACKETS)
        knocker.setblocking(False)
        knocker.bind(str(self._folder / name))
        knocker.listen(BACKLOG)
        self._name = name
        self._listen(knocker, lambda: self._let_in(knocker, arrive))

    def close(self) -> None:
        """Be reachable no longer. A connection that is on its way is lost, and the peer makes another."""
        for ear in self._ears:
            asyncio.get_running_loop().remove_reader(ear)
            ear.close()
        self._ears.clear()
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        if self._name:
            (self._folder / self._name).unlink(missing_ok=True)

    def reach(self, name: str) -> HandOver | None:
        """How a connection gets to that node; None if it is not on this machine."""
        return partial(self._hand, name) if name in self._lines or (self._folder / name).exists() else None

    def _hand(self, name: str, descriptor: int, said: bytes) -> bool:
        try:
            line = self._lines.get(name)
            if line is None:
                line = self._lines[name] = self._connected(name)
            line.sendmsg([said], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))])
        except BlockingIOError:
            return False  # it has more to take than it can
        except OSError as error:
            _log.debug("sibling.unreachable", cause=repr(error))
            if line := self._lines.pop(name, None):
                line.close()
            return False
        return True

    def _connected(self, name: str) -> socket.socket:
        line = socket.socket(socket.AF_UNIX, _PACKETS or 0)
        try:
            line.setblocking(False)
            line.connect(str(self._folder / name))
        except OSError:
            line.close()
            raise
        return line

    def _let_in(self, knocker: socket.socket, arrive: Arrive) -> None:
        try:
            ear, _ = knocker.accept()
        except OSError as error:
            _log.warning("sibling.not_let_in", cause=repr(error))
            return
        ear.setblocking(False)
        self._listen(ear, lambda: self._take(ear, arrive))

    def _take(self, ear: socket.socket, arrive: Arrive) -> None:
        for _ in range(ARRIVALS_A_TURN):
            try:
                said, descriptors, _, _ = socket.recv_fds(ear, SAID_BYTES + 1, 1)
            except BlockingIOError:
                return
            except OSError as error:
                _log.warning("sibling.not_taken", cause=repr(error))
                said, descriptors = b"", []
            if not said:  # it has ended
                asyncio.get_running_loop().remove_reader(ear)
                self._ears.remove(ear)
                ear.close()
                return
            for descriptor in descriptors:
                arrived = socket.socket(fileno=descriptor)
                arrived.setblocking(False)
                arrive(arrived, said)

    def _listen(self, ear: socket.socket, hear: Callable[[], None]) -> None:
        self._ears.append(ear)
        asyncio.get_running_loop().add_reader(ear, hear)

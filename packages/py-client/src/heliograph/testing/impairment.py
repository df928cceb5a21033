"""A path between two peers that is bad, but not gone: datagrams are lost, late, doubled or overtaken by chance."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from heliograph.peer.connection import Connection
from heliograph.testing.faults import Faults
from heliograph.testing.path import path_protocols

__all__ = ["PathImpairment", "impair_path"]


class PathImpairment:
    """Lets `faults` decide about each datagram of one connection, in both directions, until `restore`.

    A path that is made anew is not impaired. `lost_datagrams` counts those that were dropped.
    """

    def __init__(self, connection: Connection, faults: Faults) -> None:
        self._faults = faults
        self._protocols = path_protocols(connection)
        self.lost_datagrams = 0
        for protocol in self._protocols:
            protocol.send_data = functools.partial(self._send, protocol)
            protocol.send_stun = functools.partial(self._send_stun, protocol)
            protocol.datagram_received = functools.partial(self._receive, protocol)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.restore()

    def restore(self) -> None:
        """Let everything through again; what is late still arrives. Safe to repeat."""
        for protocol in self._protocols:
            for method in ("send_data", "send_stun", "datagram_received"):
                vars(protocol).pop(method, None)
        self._protocols = []

    async def _send(self, protocol: Any, data: bytes, address: tuple[str, int]) -> None:
        self._pass(lambda: _send_to(protocol, data, address))

    def _send_stun(self, protocol: Any, message: Any, address: tuple[str, int]) -> None:
        self._pass(lambda: _send_to(protocol, bytes(message), address))

    def _receive(self, protocol: Any, data: bytes, address: tuple[str, int]) -> None:
        self._pass(lambda: type(protocol).datagram_received(protocol, data, address))

    def _pass(self, deliver: Callable[[], None]) -> None:
        """Do this as often, and as late, as chance has it."""
        copies = self._faults.fate()
        self.lost_datagrams += not copies
        for delay_s, held in copies:
            late_s = delay_s + (self._faults.hold_s if held else 0)
            if late_s:
                asyncio.get_running_loop().call_later(late_s, deliver)
            else:
                deliver()


def impair_path(connection: Connection, faults: Faults) -> PathImpairment:
    """Make the path of a connection bad at this end: `with impair_path(connection, Faults(drop=0.05)): ...`."""
    return PathImpairment(connection, faults)


def _send_to(protocol: Any, data: bytes, address: tuple[str, int]) -> None:
    if protocol in protocol.receiver._protocols:  # noqa: SLF001 - what is late may find the socket closed
        protocol.transport.sendto(data, address)

"""A path between two peers that is bad, but not gone: datagrams are lost, late, doubled or overtaken by chance."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from heliograph.peer.connection import Connection
from heliograph.testing.faults import Faults
from heliograph.testing.tampered import TamperedPath

__all__ = ["PathImpairment", "impair_path"]


class PathImpairment(TamperedPath):
    """Lets `faults` decide about each datagram of one connection, in both directions, until `restore`.

    A path that is made anew is not impaired; what is late after `restore` still arrives. `lost_datagrams` counts those
    that were dropped.
    """

    def __init__(self, connection: Connection, faults: Faults) -> None:
        super().__init__(connection)
        self._faults = faults
        for protocol in self._protocols:
            protocol.send_data = functools.partial(self._send, protocol)
            protocol.send_stun = functools.partial(self._send_stun, protocol)
            protocol.datagram_received = functools.partial(self._receive, protocol)

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
    if not protocol.transport.is_closing():  # what is late may find the socket closed
        protocol.transport.sendto(data, address)

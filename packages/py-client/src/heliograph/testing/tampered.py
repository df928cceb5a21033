"""Getting between a connection and its network."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from heliograph.peer.connection import Connection

__all__ = ["TamperedPath"]

_METHODS = ("send_data", "send_stun", "datagram_received")
"""Everything that an `aioice` protocol sends or gets goes through one of these."""


class TamperedPath:
    """The path that a connection has now, whose datagrams meet something until `restore`, or the end of the block."""

    lost_datagrams: int

    def __init__(self, connection: Connection) -> None:
        self._protocols = _protocols(connection)
        self.lost_datagrams = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.restore()

    def restore(self) -> None:
        """Let everything through again. Safe to repeat."""
        for protocol in self._protocols:
            for method in _METHODS:
                vars(protocol).pop(method, None)
        self._protocols = []


def _protocols(connection: Connection) -> list[Any]:
    """The UDP sockets of the connection's path. Neither aiortc nor aioice gives them out."""
    pc = connection._rtc._pc  # noqa: SLF001
    if pc.sctp is None:
        return []
    return list(pc.sctp.transport.transport._connection._protocols)  # noqa: SLF001

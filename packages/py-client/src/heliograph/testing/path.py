"""A path between two peers that fails without a word, as a pulled cable does."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from heliograph.peer.connection import Connection

__all__ = ["PathCut", "cut_path", "path_protocols"]

_METHODS = ("send_data", "send_stun", "datagram_received")
"""Everything that an `aioice` protocol sends or gets goes through one of these."""


class PathCut:
    """Nothing of one connection goes out or comes in until `restore`, or the end of the `with` block.

    Nobody is told: ICE's consent checks and the SDK's own pings find out, as they do with a cable. A path that is made
    anew is not cut.
    """

    def __init__(self, connection: Connection) -> None:
        self._protocols = path_protocols(connection)
        self.lost_datagrams = 0
        for protocol in self._protocols:
            protocol.send_data = self._lose_later
            protocol.send_stun = self._lose
            protocol.datagram_received = self._lose

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.restore()

    def restore(self) -> None:
        """Plug the cable in again. Safe to repeat."""
        for protocol in self._protocols:
            for method in _METHODS:
                vars(protocol).pop(method, None)
        self._protocols = []

    def _lose(self, *_: object) -> None:
        self.lost_datagrams += 1

    async def _lose_later(self, *_: object) -> None:
        self._lose()


def cut_path(connection: Connection) -> PathCut:
    """Cut the path of a connection at this end, which is both directions: `with cut_path(connection): ...`."""
    return PathCut(connection)


def path_protocols(connection: Connection) -> list[Any]:
    """The UDP sockets of the connection's path. Neither aiortc nor aioice gives them out."""
    pc = connection._rtc._pc  # noqa: SLF001
    if pc.sctp is None:
        return []
    return list(pc.sctp.transport.transport._connection._protocols)  # noqa: SLF001

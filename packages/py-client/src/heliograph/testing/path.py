"""A path between two peers that fails without a word, as a pulled cable does."""

from __future__ import annotations

from heliograph.peer.connection import Connection
from heliograph.testing.tampered import TamperedPath

__all__ = ["PathCut", "cut_path"]


class PathCut(TamperedPath):
    """Nothing of one connection goes out or comes in until `restore`, or the end of the `with` block.

    Nobody is told: ICE's consent checks and the SDK's own pings find out, as they do with a cable. A path that is made
    anew is not cut. `lost_datagrams` counts what was swallowed.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        for protocol in self._protocols:
            protocol.send_data = self._lose_later
            protocol.send_stun = self._lose
            protocol.datagram_received = self._lose

    def _lose(self, *_: object) -> None:
        self.lost_datagrams += 1

    async def _lose_later(self, *_: object) -> None:
        self._lose()


def cut_path(connection: Connection) -> PathCut:
    """Cut the path of a connection at this end, which is both directions: `with cut_path(connection): ...`."""
    return PathCut(connection)

"""What two nodes say to each other, as bytes and back: no bus, no sockets.

Signals of one turn of the event loop to one node are a batch. Batches are numbered, because a bus may lose some: what
follows a gap is not to be trusted, and everything between the two nodes begins anew.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import msgspec

__all__ = ["Kind", "Line", "decode_batch"]


class Kind(IntEnum):
    """What a signal is about. Pipes have numbers that the node at the door has given them."""

    OPEN = 1
    """Door to home: a peer that wants into a room; the body is an `Opening`."""
    SAID = 2
    """Door to home: a frame of the peer's."""
    HEARD = 15
    """Home to door: a frame for the peer."""
    CLOSED = 3
    """Door to home: the peer's connection is over."""
    OVER_RATE = 4
    """Door to home: the peer has sent far more than it may; the frame itself stays at the door."""
    DRAINED = 5
    """Door to home: this many bytes have reached the network since the pipe was opened."""
    JOINED = 6
    """Home to door: the peer is in the room."""
    REFUSED = 7
    """Home to door: it is not, and was told why. The pipe is no more."""
    MOVED = 8
    """Home to door: this is not the room's home. The pipe is no more."""
    CLOSE = 9
    """Home to door: close the peer's connection; the body is a `Closing`. The pipe is no more."""
    PROBE = 10
    """Home to door: say `DRAINED` once nothing waits."""
    DRAINING = 16
    """Door to home: the door is about to close; the body is within how many seconds the peer has to be elsewhere."""
    ASK = 11
    """A request; in place of a pipe there is the asker's number of it."""
    ANSWER = 12
    """The answer to a request with that number."""
    BROKEN = 13
    """A batch of yours is missing: all pipes between us are no more."""
    BEAT = 14
    """Nothing: shows that nothing is missing."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[str, int, list[Any]]).decode

Signals = list[Any]
"""Kind, pipe and body of each signal, one after the other in one flat list."""


def decode_batch(batch: bytes) -> tuple[str, int, Signals]:
    """Who has sent a batch, its number, and the signals in it. Raises `msgspec.DecodeError`."""
    return _decode(batch)


class Line:
    """From this node to another one, and back. `wake` is told when there is a first signal to be sent."""

    __slots__ = ("_heard", "_me", "_sent", "_wake", "peer", "waiting")

    def __init__(self, me: str, peer: str, wake: "Callable[[Line], None]") -> None:
        self._me = me
        self.peer = peer
        self._wake = wake
        self._sent = 0
        self._heard = 0
        self.waiting: Signals = []

    def put(self, kind: Kind, pipe: int, body: bytes | int = b"") -> None:
        """Send a signal with the others of this turn."""
        waiting = self.waiting
        if not waiting:
            self._wake(self)
        waiting += (kind, pipe, body)

    def take(self) -> bytes:
        """The batch of all that waits."""
        signals, self.waiting = self.waiting, []
        self._sent += 1
        return _encode((self._me, self._sent, signals))

    def in_order(self, number: int) -> bool:
        """Whether a batch of that number is the next one; either way the one after it is then."""
        expected, self._heard = self._heard + 1, number
        return number == expected

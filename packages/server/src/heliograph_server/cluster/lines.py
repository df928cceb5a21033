"""What two nodes say to each other, as bytes and back: no bus, no sockets.

Signals to one node in one turn of the event loop, or in one pause of the sender's `Pace`, are a batch. Batches are
numbered, because a bus may lose some: what follows a gap is not to be trusted, and everything between the two nodes
begins anew.
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
    HEARD_TOO = 17
    """Home to door: one more peer hears a frame of this batch; the body is the frame's place in it."""
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
    """Nothing: shows that nothing is missing. It is sent when nothing else has been for a while."""


_encode: Final = msgspec.msgpack.Encoder().encode
_HEARD: Final = Kind.HEARD
_HEARD_TOO: Final = Kind.HEARD_TOO
_decode: Final = msgspec.msgpack.Decoder(tuple[str, int, list[Any]]).decode

SIGNAL: Final = 3
"""Parts of a signal."""

Signals = list[Any]
"""Kind, pipe and body of each signal, one after the other in one flat list."""


def decode_batch(batch: bytes) -> tuple[str, int, Signals]:
    """Who has sent a batch, its number, and the signals in it. Raises `msgspec.DecodeError`."""
    return _decode(batch)


class Line:
    """From this node to another one, and back. `wake` is told when there is a first signal to be sent."""

    __slots__ = ("_frames", "_heard", "_looked", "_me", "_proven", "_sent", "_wake", "peer", "waiting")

    def __init__(self, me: str, peer: str, wake: "Callable[[Line], None]") -> None:
        self._me = me
        self.peer = peer
        self._wake = wake
        self._sent = 0
        self._looked = 0
        """How many batches had been sent when `needs_beat` was asked last."""
        self._proven = True
        """Whether nobody would miss the last batch: there was only a beat in it."""
        self._heard = 0
        self._frames: dict[int, int] = {}
        """The places of the frames that wait, by their identity."""
        self.waiting: Signals = []

    def put(self, kind: Kind, pipe: int, body: bytes | int = b"") -> None:
        """Send a signal with the others of this turn."""
        waiting = self.waiting
        if not waiting:
            self._wake(self)
        waiting += (kind, pipe, body)

    def hear(self, pipe: int, frame: bytes) -> None:
        """Send a frame for a peer. What a room is told goes to a node once, however many of its peers are there."""
        waiting = self.waiting
        if not waiting:
            self._wake(self)
        place = self._frames.get(id(frame))
        if place is None:
            self._frames[id(frame)] = len(waiting) + 2
            waiting += (_HEARD, pipe, frame)
        else:
            waiting += (_HEARD_TOO, pipe, place)

    def take(self) -> bytes:
        """The batch of all that waits."""
        signals, self.waiting = self.waiting, []
        self._frames.clear()
        self._sent += 1
        self._proven = signals[0] is Kind.BEAT and len(signals) == SIGNAL
        return _encode((self._me, self._sent, signals))

    def clear(self) -> None:
        """Nothing of what waits will be sent."""
        self.waiting.clear()
        self._frames.clear()

    def needs_beat(self) -> bool:
        """Whether it takes a beat to show that nothing is missing: since this was asked last nothing else was sent."""
        looked, self._looked = self._looked, self._sent
        return looked == self._sent and not self._proven

    def in_order(self, number: int) -> bool:
        """Whether a batch of that number is the next one; either way the one after it is then."""
        expected, self._heard = self._heard + 1, number
        return number == expected

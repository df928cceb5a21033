"""A peer that says one thing after the other, waits for what comes of it, and confirms as the SDKs do."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from bench.dialects import Dialect, compact, frame
from bench.load.wires import CHUNK, Wire, first_frame, open_all

__all__ = ["Talker", "come", "exchange"]

ANSWER_S: Final = 10.0
GOOD_BYE: Final = (1000).to_bytes(2, "big")
"""In the frame with which a server closes after a `leave` (RFC 6455 section 7.4.1)."""


class Talker:
    """One registered peer."""

    def __init__(self, wire: Wire, dialect: Dialect) -> None:
        self.number = wire.number
        self.dialect = dialect
        self._socket = wire.socket
        self._socket.settimeout(ANSWER_S)
        self._buffer = wire.rest
        self.heard = 0
        """Frames since the registration."""
        self.confirmed = 0

    def say(self, message: bytes | dict[str, Any]) -> None:
        """Send a message."""
        self._socket.sendall(frame(message if isinstance(message, bytes) else compact(message)))

    def hear(self, words: bytes) -> None:
        """Wait for a frame that ends with a message that has these words in it; what came before is not for us."""
        while True:
            while (payload := self._next()) is not None:
                self.heard += 1
                if words in payload:
                    return
            self._read()

    def catch_up(self) -> None:
        """Take what has come."""
        self._socket.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self._read()
        self._socket.settimeout(ANSWER_S)
        while self._next() is not None:
            self.heard += 1

    def confirm(self) -> None:
        """Say how much has arrived (level 2)."""
        self.confirmed = self.heard
        self.say({"type": "received", "count": self.heard})

    def leave(self) -> None:
        """Go for good."""
        if self.dialect.level > 1:
            self.say({"type": "leave"})
            self.hear(GOOD_BYE)
        self._socket.close()

    def cut(self) -> None:
        """Be gone without a word."""
        self._socket.close()

    def _read(self) -> None:
        data = self._socket.recv(CHUNK)
        if not data:
            raise ConnectionError(f"The server hung up on peer {self.number}")
        self._buffer += data

    def _next(self) -> bytes | None:
        """The next whole frame's payload."""
        span = first_frame(self._buffer)
        if span is None:
            return None
        payload, self._buffer = self._buffer[span[0] : span[1]], self._buffer[span[1] :]
        return payload


def come(port: int, dialect: Dialect, numbers: Iterable[int]) -> list[Talker]:
    """Peers, one after the other."""
    return [Talker(wire, dialect) for wire in open_all(port, dialect, numbers, at_once=1).wires]


def exchange(sender: Talker, receiver: Talker, size: int, number: int) -> None:
    """Send a message and wait until it is there; at level 2 the sender wants to know that, as the SDKs do."""
    dialect = sender.dialect
    message = dialect.message(sender.number, receiver.number, size)
    if dialect.level > 1:
        message = message[:-1] + b',"ref":"m-%06d"}' % number
    sender.say(message)
    receiver.hear(message[-20:])
    if dialect.level > 1:
        sender.hear(b'"ack"')

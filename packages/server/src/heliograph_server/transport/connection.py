"""The contract of a transport: one WebSocket, as the rest of the server sees it."""

from collections.abc import Awaitable, Callable
from typing import Final, Literal, NamedTuple, Protocol

__all__ = [
    "CLOSE_TIMEOUT_S",
    "INTERNAL_ERROR",
    "MESSAGE_BYTES",
    "OUTGOING_BYTES",
    "PING_INTERVAL_S",
    "PONG_TIMEOUT_S",
    "Connection",
    "Conversation",
    "Converse",
    "Ending",
]

MESSAGE_BYTES: Final = 64 * 1024
"""The largest message that is accepted; a larger one closes the connection with 1009."""

OUTGOING_BYTES: Final = 1024 * 1024
"""What may wait for a slow reader; beyond it the connection is closed with 4009."""

CLOSE_TIMEOUT_S: Final = 5.0
"""How long a closing connection may take to hand over what still waits."""

INTERNAL_ERROR: Final = 1011
"""The close code of a mistake of ours (RFC 6455 section 7.4.1)."""

PING_INTERVAL_S: Final = 20.0
PONG_TIMEOUT_S: Final = 25.0
"""A peer that answers nothing is gone 45 s after it was last heard."""


class Ending(NamedTuple):
    """How a connection ended. Without a code, the network ended it, and no close frame came."""

    by: Literal["peer", "server", "network"]
    code: int | None


class Connection(Protocol):
    """One open WebSocket. The methods never block and never raise."""

    @property
    def closed(self) -> bool:
        """No more frames go out or come in: closed by either side, or about to be."""

    @property
    def ending(self) -> Ending | None:
        """How it ended, once it has; None where nobody can say, as of a connection to another node."""

    @property
    def buffered(self) -> int:
        """Bytes that wait to be handed to the network."""

    def send(self, frame: bytes) -> bool:
        """Queue one text frame (UTF-8). False if the connection is closed, or closes because its queue is full."""

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call back once nothing waits any more; never, if the connection ends before. The latest callback counts."""

    def close(self, code: int, reason: str) -> None:
        """Send what waits, then a close frame. `reason` has at most 123 bytes. Closing again changes nothing."""


class Conversation(Protocol):
    """What is done with one connection."""

    def receive(self, frame: bytes) -> Awaitable[None] | None:
        """Take one text message (UTF-8). If it returns an awaitable, the next message comes after that is done.

        Nothing comes once the connection is closed. What it raises ends the connection with 1011.
        """

    def disconnected(self) -> None:
        """The connection is over, whoever ended it. Called once, after the last `receive` is done."""


Converse = Callable[[Connection], Conversation]
"""Begins the conversation of a connection that has just been accepted."""

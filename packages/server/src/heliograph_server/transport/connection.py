"""The contract of a transport: one WebSocket, as the rest of the server sees it."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

__all__ = ["CLOSE_TIMEOUT_S", "MESSAGE_BYTES", "OUTGOING_BYTES", "Connection", "Receiver"]

MESSAGE_BYTES: Final = 64 * 1024
"""The largest message that is accepted; a larger one closes the connection with 1009."""

OUTGOING_BYTES: Final = 1024 * 1024
"""What may wait for a slow reader; beyond it the connection is closed with 4009."""

CLOSE_TIMEOUT_S: Final = 5.0
"""How long a closing connection may take to hand over what still waits."""

Receiver = Callable[[bytes], Awaitable[None] | None]
"""Takes one text frame. If it returns an awaitable, the next frame is delivered after that is done."""


class Connection(Protocol):
    """One open WebSocket. The methods never block and never raise."""

    @property
    def closed(self) -> bool:
        """No more frames go out or come in: closed by either side, or about to be."""

    @property
    def buffered(self) -> int:
        """Bytes that wait to be handed to the network."""

    def send(self, frame: bytes) -> bool:
        """Queue one text frame (UTF-8). False if the connection is closed, or closes because its queue is full."""

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call back once nothing waits any more; never, if the connection ends before. The latest callback counts."""

    def close(self, code: int, reason: str) -> None:
        """Send what waits, then a close frame. `reason` has at most 123 bytes. Closing again changes nothing."""

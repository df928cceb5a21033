"""Where a member's frames go: straight to its connection, or through a mailbox that outlives it."""

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from heliograph_protocol import Ref
from heliograph_server.transport.connection import Connection

if TYPE_CHECKING:
    from heliograph_server.signaling.member import Member

__all__ = ["Delivery", "DirectLink", "Link", "Receipt"]


class Delivery(Enum):
    """What became of a frame."""

    DELIVERED = auto()
    """Handed to the connection."""
    BUFFERED = auto()
    """Kept for when the peer is back, or has caught up."""
    FULL = auto()
    """Not taken: too much waits already."""
    UNKEPT = auto()
    """Not taken: the peer is connected elsewhere, and nothing can be kept for it at the moment."""
    GONE = auto()
    """Not taken: nobody is there."""


class Receipt(NamedTuple):
    """Whom to tell, should a buffered frame never arrive."""

    sender: "Member"
    ref: Ref


class Link(Protocol):
    """The methods return at once and never raise."""

    def send(self, frame: bytes, receipt: Receipt | None = None) -> Delivery:
        """Another peer's message."""

    def reply(self, frame: bytes) -> None:
        """The server's answer to what the peer itself has just said."""

    def push_presence(self, frame: bytes) -> None:
        """News of another peer. A peer that misses some learns the whole truth when it resumes."""

    def notify(self, frame: bytes) -> None:
        """News that must arrive."""

    def close(self, code: int, reason: str) -> None:
        """End the connection, if there is one."""


_DELIVERED: Final = Delivery.DELIVERED
_GONE: Final = Delivery.GONE


class DirectLink:
    """A connection without a past: what can't be sent now is not sent."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, frame: bytes, receipt: Receipt | None = None) -> Delivery:  # noqa: ARG002 - nothing is buffered
        """See `Link.send`."""
        return _DELIVERED if self.connection.send(frame) else _GONE

    def reply(self, frame: bytes) -> None:
        """See `Link.reply`."""
        self.connection.send(frame)

    def push_presence(self, frame: bytes) -> None:
        """See `Link.push_presence`."""
        self.connection.send(frame)

    def notify(self, frame: bytes) -> None:
        """See `Link.notify`."""
        self.connection.send(frame)

    def close(self, code: int, reason: str) -> None:
        """See `Link.close`."""
        self.connection.close(code, reason)

"""What becomes of what was said in a turn, once it is known whether it is written down."""

from typing import TYPE_CHECKING, Final

from heliograph_protocol import ErrorCode, encode
from heliograph_server.errors import wire_error
from heliograph_server.signaling.links import Receipt

if TYPE_CHECKING:
    from heliograph_server.cluster.kept_mailbox import Held

__all__ = ["Aftermath"]

UNCERTAIN: Final = "The peer is connected elsewhere, and the way there was lost: it may or may not get this message"


class Aftermath:
    """The connections with something to say, and the messages in it for peers whose connection is on another node."""

    def __init__(self, connections: "list[Held]", sent: list[Receipt]) -> None:
        self._letters = [(connection, connection.take()) for connection in connections]
        self._sent = sent

    def written(self) -> None:
        """It is written down: it may be known."""
        for _, let_go in self._letters:
            let_go()

    def unwritten(self) -> None:
        """It could not be written down, or nobody knows, and the room goes on without.

        What is for peers on other nodes has not gone out, and won't if another node takes the room: its senders, if
        they are here, are told so after what they were told before.
        """
        self.written()
        for sender, ref in self._sent:
            if sender.link.connection is not None and sender.room.members.get(sender.peer_id) is sender:
                sender.link.notify(encode(wire_error(ErrorCode.STORE_UNAVAILABLE, UNCERTAIN, ref=ref)))

    def refused(self, code: int, reason: str) -> None:
        """The room is another node's. It has not happened."""
        for connection, _ in self._letters:
            connection.abandon(code, reason)

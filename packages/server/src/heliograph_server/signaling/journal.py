"""Whoever has to know what becomes different of a room, so that it outlives this process: nobody, on a single node."""

from typing import TYPE_CHECKING, Final, Protocol

from heliograph_server.signaling.mailbox import Mailbox
from heliograph_server.transport.connection import Connection

if TYPE_CHECKING:
    from heliograph_server.signaling.claims import Claim, Waiting
    from heliograph_server.signaling.member import Member

__all__ = ["NO_JOURNAL", "Journal", "NoJournal"]


class Journal(Protocol):
    """One room's. The methods return at once. What goes through the mailboxes it learns from them."""

    def mailbox(self, connection: Connection | None) -> Mailbox:
        """A mailbox of a peer in this room."""

    def changed(self, member: "Member") -> None:
        """A member is new, or something about it is another than before."""

    def gone(self, member: "Member") -> None:
        """A member is no more in the room."""

    def claimed(self, claim: "Claim") -> None:
        """A claim was made."""

    def claim_ended(self, claim: "Claim") -> None:
        """A claim is over."""

    def waits(self, waiting: "Waiting") -> None:
        """Someone has joined the line for a claim."""

    def waits_no_more(self, waiting: "Waiting") -> None:
        """Someone has left the line."""


class NoJournal:
    """What is not kept anywhere needs no journal."""

    def mailbox(self, connection: Connection | None) -> Mailbox:
        """See `Journal.mailbox`."""
        return Mailbox(connection)

    def changed(self, member: "Member") -> None:
        """See `Journal.changed`."""

    def gone(self, member: "Member") -> None:
        """See `Journal.gone`."""

    def claimed(self, claim: "Claim") -> None:
        """See `Journal.claimed`."""

    def claim_ended(self, claim: "Claim") -> None:
        """See `Journal.claim_ended`."""

    def waits(self, waiting: "Waiting") -> None:
        """See `Journal.waits`."""

    def waits_no_more(self, waiting: "Waiting") -> None:
        """See `Journal.waits_no_more`."""


NO_JOURNAL: Final = NoJournal()

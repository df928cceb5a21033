"""What a client asks the server, as methods."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

from heliograph.signaling.outbox import Question
from heliograph.signaling.signals import SendsSignals
from heliograph.signaling.time_limits import REQUEST_TIMEOUT_S
from heliograph_protocol import AvailablePeers, Message, PeerMessage, Ping, Pong, Query

__all__ = ["Asks"]

M = TypeVar("M", bound=Message)


class Asks(SendsSignals):
    """Each method raises what `ask` raises."""

    @abstractmethod
    async def ask(self, question: Question | PeerMessage, kind: type[M], *, timeout_s: float = REQUEST_TIMEOUT_S) -> M:
        """Send a question, or a message, and wait for the answer to it, or its ack, which is of that kind."""

    async def query(self) -> list[str]:
        """The ids of the peers in the room, this one included."""
        return (await self.ask(Query(), AvailablePeers)).peers

    async def ping(self) -> int:
        """The server's time in Unix seconds."""
        return (await self.ask(Ping(), Pong)).time

"""The signals that one peer sends to another, as methods."""

from __future__ import annotations

from abc import ABC, abstractmethod

from msgspec import UNSET, UnsetType

from heliograph.events import PeerSignal
from heliograph_protocol import Answer, Candidate, ErrorMessage, IceCandidateInit, Offer, Quit, Report

__all__ = ["SendsSignals"]


class SendsSignals(ABC):
    """Each method raises `SignalingError` if the signal cannot be handed to the server.

    A refusal by the server arrives as a `SignalRefused` event.
    """

    @abstractmethod
    async def send_signal(self, signal: PeerSignal) -> None:
        """Send a signal to its target."""

    async def wait_online(self) -> None:  # noqa: B027 - one that is always online has nothing to wait for
        """Wait until signals can be sent at once. Raises what ended the registration for good."""

    def tell(self, report: Report) -> None:  # noqa: B027 - there may be nobody who inspects
        """Say what became of a connection, for those who inspect the room. Lost if it cannot be sent now."""

    async def offer(self, target: str, sdp: str, *, connection_id: str | None = None) -> None:
        """Send an SDP offer."""
        await self.send_signal(Offer(target=target, sdp=sdp, connection_id=_or_unset(connection_id)))

    async def answer(self, target: str, sdp: str, *, connection_id: str | None = None) -> None:
        """Send an SDP answer."""
        await self.send_signal(Answer(target=target, sdp=sdp, connection_id=_or_unset(connection_id)))

    async def candidate(
        self, target: str, candidate: IceCandidateInit | None, *, connection_id: str | None = None
    ) -> None:
        """Send an ICE candidate, or None after the last one."""
        await self.send_signal(Candidate(target=target, candidate=candidate, connection_id=_or_unset(connection_id)))

    async def quit(self, target: str, *, connection_id: str | None = None) -> None:
        """Tell a peer that the connection with it is over."""
        await self.send_signal(Quit(target=target, connection_id=_or_unset(connection_id)))

    async def error(
        self, target: str, *, code: str, reason: str = "", message: str = "", connection_id: str | None = None
    ) -> None:
        """Refuse a peer's offer."""
        refusal = ErrorMessage(
            target=target, code=code, reason=reason, message=message, connection_id=_or_unset(connection_id)
        )
        await self.send_signal(refusal)


def _or_unset(value: str | None) -> str | UnsetType:
    return UNSET if value is None else value

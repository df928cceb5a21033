"""Peers that were claimed for this one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType

from heliograph.errors import ClaimLost
from heliograph_protocol import Peer, PeerClaimed

__all__ = ["Claim", "Claiming", "Claims"]

SESSION_LOST = "session_lost"


class Claim:
    """A peer that nobody else can claim, unless it takes several claims at once, until this one is over.

    It ends by `release`, at `expires_at` (Unix seconds), or when either side leaves for good.
    """

    def __init__(self, claimed: PeerClaimed, release: Callable[[Claim], Awaitable[None]]) -> None:
        self._claimed = claimed
        self._release = release
        self._over = asyncio.Event()
        self._reason: str | None = None

    def __repr__(self) -> str:
        return f"Claim(peer_id={self.peer_id!r}, {self._reason or 'held'})"

    @property
    def claim_id(self) -> str:
        """The claim's id."""
        return self._claimed.claim_id

    @property
    def peer(self) -> Peer:
        """The claimed peer, as it was when it was claimed."""
        return self._claimed.peer

    @property
    def peer_id(self) -> str:
        """The claimed peer's id."""
        return self._claimed.peer.peer_id

    @property
    def expires_at(self) -> int:
        """When the claim ends by itself, in Unix seconds."""
        return self._claimed.expires_at

    @property
    def is_over(self) -> bool:
        """Whether the claim has ended."""
        return self._over.is_set()

    async def release(self) -> None:
        """Give the peer back. Nothing happens if the claim is over."""
        if not self.is_over:
            await self._release(self)

    async def wait_over(self) -> str:
        """Wait for the end of the claim: `released`, `expired`, `left` or `session_lost`."""
        await self._over.wait()
        return self._reason or ""

    def check(self) -> None:
        """Raise `ClaimLost` if the claim ended before it was released."""
        if self._reason is not None and self._reason != "released":
            raise ClaimLost(self.peer_id, self._reason)

    def end(self, reason: str) -> None:
        """The claim is over."""
        if self._reason is None:
            self._reason = reason
            self._over.set()


class Claims:
    """The claims that one client holds."""

    def __init__(self, release: Callable[[Claim], Awaitable[None]]) -> None:
        self._release = release
        self._held: dict[str, Claim] = {}

    def add(self, claimed: PeerClaimed) -> Claim:
        """The server has made a claim."""
        claim = self._held[claimed.claim_id] = Claim(claimed, self._release)
        return claim

    def end(self, claim_id: str, reason: str) -> None:
        """A claim is over; nothing happens if it is not one of this client's."""
        if claim := self._held.pop(claim_id, None):
            claim.end(reason)

    def lose_all(self) -> None:
        """The session is gone, and the claims with it."""
        for claim_id in list(self._held):
            self.end(claim_id, SESSION_LOST)


class Claiming:
    """A claim to be made: `claim = await …`, or `async with … as claim`, which gives the peer back in the end."""

    def __init__(self, make: Callable[[], Awaitable[Claim]]) -> None:
        self._make = make
        self._claim: Claim | None = None

    def __await__(self) -> Generator[None, None, Claim]:
        return self._make().__await__()

    async def __aenter__(self) -> Claim:
        self._claim = await self._make()
        return self._claim

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._claim is not None:
            await self._claim.release()

"""How many files arrive at once, in all and from one peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

__all__ = ["MAX_AT_ONCE", "Slots"]

MAX_AT_ONCE = 16
"""Files that arrive at the same time; further senders wait for their answer."""
MAX_OF_ONE_PEER = 4
"""Of these: a peer that sends slowly, or nothing, keeps nobody else's files from arriving."""


class Slots:
    """Those of one receiver, to whom several peers may send."""

    def __init__(self, *, of_one_peer: int = MAX_OF_ONE_PEER) -> None:
        self._of_one_peer = of_one_peer
        self._all = asyncio.Semaphore(MAX_AT_ONCE)
        self._by_peer: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, peer_id: str) -> AsyncIterator[None]:
        """A slot for a file of this peer, within the block, when it is its turn."""
        own = self._by_peer.get(peer_id)
        if own is None:
            own = self._by_peer[peer_id] = asyncio.Semaphore(self._of_one_peer)
        async with own, self._all:
            yield

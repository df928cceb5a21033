"""A room without a server, for tests: the signaling of several peers in one process.

```python
room = MemoryRoom()
switchboard = Switchboard(room.join("Client-1"), …)
```
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec

from heliograph.errors import PeerNotFound
from heliograph.events import PeerSignal, SignalingEvent, SignalRefused
from heliograph.signaling.signals import SendsSignals

__all__ = ["MemoryRoom", "MemorySignaling"]


class MemoryRoom:
    """Passes signals between the peers that joined. `rewrite` may change a signal, or drop it by returning None."""

    def __init__(self, *, rewrite: Callable[[PeerSignal], PeerSignal | None] = lambda signal: signal) -> None:
        self._rewrite = rewrite
        self._peers: dict[str, MemorySignaling] = {}
        self.passed: list[PeerSignal] = []

    def join(self, peer_id: str) -> MemorySignaling:
        """Register a peer."""
        self._peers[peer_id] = MemorySignaling(peer_id, self)
        return self._peers[peer_id]

    def forward(self, signal: PeerSignal, sender: MemorySignaling) -> None:
        """Pass a signal on, as the server would."""
        rewritten = self._rewrite(msgspec.structs.replace(signal, sender=sender.peer_id))
        if rewritten is None:
            return
        target = str(rewritten.target)
        self.passed.append(rewritten)
        if target in self._peers:
            self._peers[target].deliver(rewritten)
            return
        connection_id = rewritten.connection_id if isinstance(rewritten.connection_id, str) else None
        error = PeerNotFound(f"No peer {target} in this room", code="PEER_NOT_FOUND")
        sender.deliver(SignalRefused(target=target, connection_id=connection_id, error=error))


class MemorySignaling(SendsSignals):
    """One peer's side of a `MemoryRoom`; it has the methods of a `SignalingClient` that connections need."""

    def __init__(self, peer_id: str, room: MemoryRoom) -> None:
        self._peer_id = peer_id
        self._room = room
        self._events: asyncio.Queue[SignalingEvent | None] = asyncio.Queue()

    @property
    def peer_id(self) -> str:
        """This peer's id in the room."""
        return self._peer_id

    def deliver(self, event: SignalingEvent) -> None:
        """Let an event arrive."""
        self._events.put_nowait(event)

    def close(self) -> None:
        """End the iteration."""
        self._events.put_nowait(None)

    async def send_signal(self, signal: PeerSignal) -> None:
        """Pass the signal on at once."""
        self._room.forward(signal, self)

    async def __aiter__(self) -> AsyncIterator[SignalingEvent]:
        while (event := await self._events.get()) is not None:
            yield event

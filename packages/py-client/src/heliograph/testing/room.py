"""The signaling of several peers in one process, in the place of a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec

from heliograph.errors import PeerNotFound
from heliograph.events import PeerSignal, SignalingEvent, SignalRefused
from heliograph.signaling.signals import SendsSignals
from heliograph.testing.faults import Faults
from heliograph_protocol import Report

__all__ = ["MemoryRoom", "MemorySignaling"]


class MemoryRoom:
    """Passes signals between the peers that joined.

    `rewrite` may change a signal, or drop it by returning None; `faults` then decide about what is left. A signal to
    nobody is refused with `PeerNotFound`, as the server would. `passed` has all that were handed to a peer, `reports`
    what each peer said of its connections.
    """

    def __init__(
        self,
        *,
        rewrite: Callable[[PeerSignal], PeerSignal | None] = lambda signal: signal,
        faults: Faults | None = None,
    ) -> None:
        self._rewrite = rewrite
        self._faults = faults
        self._peers: dict[str, MemorySignaling] = {}
        self._held: dict[str, list[PeerSignal]] = {}
        self._cut: set[str] = set()
        self.passed: list[PeerSignal] = []
        self.reports: list[tuple[str, Report]] = []

    def join(self, peer_id: str) -> MemorySignaling:
        """Register a peer. One that is there under this id already is replaced."""
        self._peers[peer_id] = MemorySignaling(peer_id, self)
        return self._peers[peer_id]

    def leave(self, peer_id: str) -> None:
        """Take a peer out: its iteration ends, and signals to it are refused."""
        if (signaling := self._peers.pop(peer_id, None)) is not None:
            signaling.close()

    def cut(self, peer_id: str) -> None:
        """Lose every signal to and from this peer, without a word to anybody, until `restore`."""
        self._cut.add(peer_id)

    def restore(self, peer_id: str) -> None:
        """Let signals through again; those lost stay lost."""
        self._cut.discard(peer_id)

    def forward(self, signal: PeerSignal, sender: MemorySignaling) -> None:
        """Pass a signal on, as the server would."""
        rewritten = self._rewrite(msgspec.structs.replace(signal, sender=sender.peer_id))
        if rewritten is None or sender.peer_id in self._cut:
            return
        target = str(rewritten.target)
        if target not in self._peers:
            connection_id = rewritten.connection_id if isinstance(rewritten.connection_id, str) else None
            error = PeerNotFound(f"No peer {target} in this room", code="PEER_NOT_FOUND")
            sender.deliver(SignalRefused(target=target, connection_id=connection_id, error=error))
            self.passed.append(rewritten)
        elif self._faults is None:
            self._arrive(target, rewritten)
        else:
            loop = asyncio.get_running_loop()
            for delay_s, held in self._faults.fate():
                if held:
                    self._held.setdefault(target, []).append(rewritten)
                    loop.call_later(delay_s + self._faults.hold_s, self._release, target)
                elif delay_s:
                    loop.call_later(delay_s, self._arrive, target, rewritten)
                else:
                    self._arrive(target, rewritten)

    def _arrive(self, target: str, signal: PeerSignal) -> None:
        if target not in self._cut and target in self._peers:
            self.passed.append(signal)
            self._peers[target].deliver(signal)
        self._release(target)

    def _release(self, target: str) -> None:
        """What was held back has been overtaken."""
        for signal in self._held.pop(target, []):
            if target not in self._cut and target in self._peers:
                self.passed.append(signal)
                self._peers[target].deliver(signal)


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

    def tell(self, report: Report) -> None:
        """Keep the report in the room's `reports`."""
        self._room.reports.append((self.peer_id, report))

    async def send_signal(self, signal: PeerSignal) -> None:
        """Pass the signal on at once."""
        self._room.forward(signal, self)

    async def __aiter__(self) -> AsyncIterator[SignalingEvent]:
        while (event := await self._events.get()) is not None:
            yield event

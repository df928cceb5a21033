"""A data channel in memory."""

import asyncio
from collections.abc import Callable
from typing import Any


async def settle() -> None:
    """Let tasks do what they can."""
    for _ in range(5):
        await asyncio.sleep(0)


class FakeDataChannel:
    """An RTCDataChannel that buffers until the test lets it drain."""

    id: int | None = 0
    label = "chat"
    ordered = True
    maxRetransmits: int | None = None  # noqa: N815 - the names of the fields (W3C WebRTC section 6.2)
    maxPacketLifeTime: int | None = None  # noqa: N815

    def __init__(self, state: str = "open", *, protocol: str = "") -> None:
        self.protocol = protocol
        self.bufferedAmountLowThreshold = 0
        self.bufferedAmount = 0
        self.readyState = state
        self.sent: list[bytes | str] = []
        self.confirms_close = True
        self._handlers: dict[str, list[Callable[..., Any]]] = {}

    def on(self, event: str, f: Callable[..., Any]) -> None:
        self._handlers.setdefault(event, []).append(f)

    def emit(self, event: str, *arguments: Any) -> None:
        for handler in self._handlers.get(event, []):
            handler(*arguments)

    def open(self) -> None:
        self.readyState = "open"
        self.emit("open")

    def send(self, data: bytes | str) -> None:
        self.sent.append(data)
        self.bufferedAmount += len(data)

    def drain(self, down_to: int = 0) -> None:
        above = self.bufferedAmount > self.bufferedAmountLowThreshold
        self.bufferedAmount = down_to
        if above and down_to <= self.bufferedAmountLowThreshold:
            self.emit("bufferedamountlow")

    def close(self) -> None:
        self.readyState = "closing"
        if self.confirms_close:
            self.closed_by_peer()

    def closed_by_peer(self) -> None:
        self.readyState = "closed"
        self.emit("close")

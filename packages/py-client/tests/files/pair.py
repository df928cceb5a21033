"""Two peers in memory, between which channels can be opened, and cut."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

import heliograph
from heliograph.channels.channel import Channel
from heliograph_protocol.datachannel import FileControl

__all__ = ["Pair", "Pipe", "names_in", "text"]


class Pipe:
    """One end of a data channel in memory: what is sent arrives at the other end at once."""

    def __init__(self, pair: "Pair") -> None:
        self.label = "file"
        self.id: int | None = None
        self.protocol = ""
        self.ordered = True
        self.maxRetransmits: int | None = None
        self.maxPacketLifeTime: int | None = None
        self.bufferedAmountLowThreshold = 0
        self.bufferedAmount = 0
        self.readyState = "open"
        self.other = self
        self._pair = pair
        self._handlers: dict[str, list[Callable[..., Any]]] = {}

    def on(self, event: str, f: Callable[..., Any]) -> None:
        self._handlers.setdefault(event, []).append(f)

    def emit(self, event: str, *arguments: Any) -> None:
        for handler in self._handlers.get(event, []):
            handler(*arguments)

    def send(self, data: bytes | str) -> None:
        self.other.emit("message", data)
        if isinstance(data, bytes):
            self._pair.content_bytes += len(data)
            if self._pair.cut_after is not None and self._pair.content_bytes >= self._pair.cut_after:
                self._pair.cut()

    def close(self) -> None:
        for end in (self, self.other):
            if end.readyState != "closed":
                end.readyState = "closed"
                end.emit("close")


class Pair:
    """A connection whose one side opens channels (`near`) and whose other side gets them (`far`)."""

    peer_id = "Receiver"

    def __init__(self) -> None:
        self.content_bytes = 0
        """Content that has gone through, over all channels."""
        self.cut_after: int | None = None
        """Cut once so much has."""
        self.over = False
        self.opened: list[tuple[Channel, Channel]] = []
        self._arriving: asyncio.Queue[Channel | None] = asyncio.Queue()

    @property
    def near(self) -> Channel:
        """The sender's end of the newest channel."""
        return self.opened[-1][0]

    @property
    def far(self) -> Channel:
        """The receiver's end of the newest channel."""
        return self.opened[-1][1]

    def open_channel(self, label: str) -> Channel:
        assert label == "file"
        near, far = Pipe(self), Pipe(self)
        near.other, far.other = far, near
        self.opened.append((Channel(near, peer_id="Receiver"), Channel(far, peer_id="Sender")))
        self._arriving.put_nowait(self.far)
        return self.near

    async def wait_connected(self) -> None:
        if self.over:
            raise heliograph.ConnectionLost("The connection is over")

    async def accept_channel(self) -> Channel:
        if (channel := await self._arriving.get()) is None:
            raise heliograph.ConnectionLost("The connection is over")
        return channel

    def cut(self) -> None:
        """The path is lost, and with it the newest channel."""
        self.cut_after = None
        for end in self.opened[-1]:
            end.abandon(heliograph.ConnectionLost("The path is lost"))

    def end(self) -> None:
        """The connection is over."""
        self.over = True
        self._arriving.put_nowait(None)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def text(message: FileControl) -> str:
    return msgspec.json.encode(message).decode()

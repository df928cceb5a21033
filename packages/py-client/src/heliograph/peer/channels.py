"""The channels of one connection: those opened here, and those opened by the other side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiortc import RTCDataChannel

from heliograph.channels.channel import Channel
from heliograph.errors import HeliographError

__all__ = ["Channels"]

MAX_WAITING_CHANNELS = 64
"""Channels opened by the other side that nobody has accepted yet; further ones are closed."""
CLOSE_TIMEOUT_S = 12.0


class Channels:
    """Keeps channels by label and in order of arrival.

    `wrap` makes a `Channel` of aiortc's; it is told whether the channel was opened here.
    """

    def __init__(self, wrap: Callable[[RTCDataChannel, bool], Channel]) -> None:
        self._wrap = wrap
        self._by_label: dict[str, Channel] = {}
        self._open: set[Channel] = set()
        self._arrived: asyncio.Queue[Channel | None] = asyncio.Queue(MAX_WAITING_CHANNELS)
        self._over = False
        self.has_arrived = asyncio.Event()

    def find(self, label: str) -> Channel | None:
        """The first channel with this label that is not closed."""
        channel = self._by_label.get(label)
        return None if channel is None or channel.is_closed else channel

    def keep(self, rtc: RTCDataChannel, *, opened_here: bool = True, listed: bool = True) -> Channel:
        """Keep a channel until it is closed; `find` finds it if it is `listed`."""
        channel = self._wrap(rtc, opened_here)
        self._open.add(channel)
        rtc.on("close", lambda: self._open.discard(channel))
        if listed and self.find(channel.label) is None:
            self._by_label[channel.label] = channel
        return channel

    def take(self, rtc: RTCDataChannel) -> bool:
        """Keep a channel that the other side opened, for `accept`; False if there are too many already."""
        if self._over or self._arrived.full():
            return False
        self._arrived.put_nowait(self.keep(rtc, opened_here=False))
        self.has_arrived.set()
        return True

    async def accept(self) -> Channel | None:
        """The next channel that the other side opened; None when there will be no more."""
        if self._over and self._arrived.empty():
            return None
        return await self._arrived.get()

    async def close(self) -> None:
        """Close every channel, letting each send what it has."""
        closing = [asyncio.ensure_future(channel.close()) for channel in self._open]
        if closing:
            _, late = await asyncio.wait(closing, timeout=CLOSE_TIMEOUT_S)
            for task in late:
                task.cancel()

    def abandon(self, failure: HeliographError | None) -> None:
        """The connection is over: nothing goes out any more, nothing comes in."""
        self._over = True
        for channel in list(self._open):
            channel.abandon(failure)
        if self._arrived.empty():  # somebody may be waiting
            self._arrived.put_nowait(None)

"""The channels of one connection: those opened here, and those opened by the other side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiortc import RTCDataChannel

from heliograph.channels.channel import Channel
from heliograph.channels.data_channel import DataChannel
from heliograph.channels.options import ChannelOptions
from heliograph.channels.planned import PlannedChannel
from heliograph.errors import ConnectionLost, HeliographError
from heliograph.peer.transport import RtcTransport
from heliograph_protocol.datachannel import FILE_LABEL

__all__ = ["Channels"]

MAX_WAITING_CHANNELS = 64
"""Channels opened by the other side that nobody has accepted yet; further ones are closed."""
MAX_CLOSED_MEANWHILE = 1024
"""Channels closed while there was no path, of which the other side is told afterwards; it gives the rest up itself."""
CLOSE_TIMEOUT_S = 12.0


class Channels:
    """Keeps channels by label and in order of arrival, and over a change of the path.

    `wrap` makes a `Channel` of aiortc's; it is told whether the channel was opened here. `suspend` when the path is
    lost, `resume` on the next one.
    """

    def __init__(self, wrap: Callable[[DataChannel, bool], Channel]) -> None:
        self._wrap = wrap
        self._by_label: dict[str, Channel] = {}
        self._open: dict[Channel, DataChannel] = {}
        self._passing: set[Channel] = set()
        self._arrived: asyncio.Queue[Channel | None] = asyncio.Queue()  # bounded in `take`; None is the end
        self._suspended = False
        self._over = False
        self._awaited: dict[int, Channel] = {}
        """Those that the other side will open again, by their stream ids."""
        self._closed_meanwhile: dict[int, tuple[str, bool]] = {}
        """The labels of those closed while there was no path, by their stream ids, and whether they were ours."""
        self.has_arrived = asyncio.Event()

    def find(self, label: str) -> Channel | None:
        """The first channel with this label that is not closed."""
        channel = self._by_label.get(label)
        return None if channel is None or channel.is_closed else channel

    def open(self, label: str, options: ChannelOptions, path: RtcTransport) -> Channel:
        """Open a channel, or, while there is no path, see to it that it is opened on the next one."""
        if not self._suspended:
            return self.keep(path.open_channel(label, options))
        options.check(label)
        channel = self.keep(PlannedChannel(label, options))
        channel.suspend()
        return channel

    def keep(self, rtc: DataChannel, *, opened_here: bool = True, lasting: bool = True) -> Channel:
        """Keep a channel until it is closed. One that is not `lasting` is closed with its path, and not found."""
        channel = self._wrap(rtc, opened_here)
        self._open[channel] = rtc
        channel.when_closed(lambda: self._forget(channel))
        if not lasting or channel.label == FILE_LABEL:  # a file goes on over a new channel, at a known offset
            self._passing.add(channel)
        if lasting and self.find(channel.label) is None:
            self._by_label[channel.label] = channel
        return channel

    def take(self, rtc: RTCDataChannel) -> bool:
        """Keep a channel that the other side opened, for `accept`; False if there are too many already.

        One that it opens again is the same as before.
        """
        known = self._find_awaited(rtc)
        if known is not None:
            self._open[known] = rtc
            known.reopen(rtc)
            return True
        if rtc.id is not None and self._closed_meanwhile.pop(rtc.id, None) == (rtc.label, False):
            rtc.close()
            return True
        if self._over or self._arrived.qsize() >= MAX_WAITING_CHANNELS:
            return False
        self._arrived.put_nowait(self.keep(rtc, opened_here=False))
        self.has_arrived.set()
        return True

    def _find_awaited(self, rtc: RTCDataChannel) -> Channel | None:
        """The one that this is, by stream id and label; by the label alone where a browser had to take another id."""
        known = None if rtc.id is None else self._awaited.get(rtc.id)
        number = rtc.id
        if known is None or known.label != rtc.label:
            if rtc.id is not None and self._closed_meanwhile.get(rtc.id) == (rtc.label, False):
                return None
            number = next((number for number, channel in self._awaited.items() if channel.label == rtc.label), None)
        channel = None if number is None else self._awaited.pop(number)
        return None if channel is None or channel.is_closed else channel

    async def accept(self) -> Channel | None:
        """The next channel that the other side opened; None when there will be no more."""
        channel = await self._arrived.get()
        if channel is None:
            self._arrived.put_nowait(None)  # for whoever else waits, or will
        return channel

    def suspend(self) -> None:
        """The path is lost. Safe to repeat, as the next one may be lost before it is used."""
        self._suspended = True
        for channel in list(self._passing):
            channel.abandon(ConnectionLost(f"The path to {channel.peer_id} is lost"))
        for channel, rtc in list(self._open.items()):
            channel.suspend()
            if not channel.opened_here and rtc.id is not None:
                self._awaited[rtc.id] = channel

    def resume(self, path: RtcTransport, *, kept: bool) -> None:
        """Open on the next path what was opened here. If the other side has `kept` nothing, its channels are over."""
        self._suspended = False
        if kept:
            for stream_id, (label, ours) in list(self._closed_meanwhile.items()):
                if ours:
                    path.open_channel(label, ChannelOptions(), stream_id=stream_id).close()
                    del self._closed_meanwhile[stream_id]
        else:
            self._closed_meanwhile.clear()
            self.give_up_awaited()
        for channel, former in list(self._open.items()):
            if channel.opened_here and channel.is_suspended:
                options = ChannelOptions(
                    ordered=former.ordered,
                    max_retransmits=former.maxRetransmits,
                    max_lifetime_ms=former.maxPacketLifeTime,
                    protocol=former.protocol,
                )
                rtc = path.open_channel(channel.label, options, stream_id=former.id if kept else None)
                self._open[channel] = rtc
                channel.reopen(rtc)

    def give_up_awaited(self) -> None:
        """The other side does not open again what it had opened."""
        awaited, self._awaited = self._awaited, {}
        for channel in awaited.values():
            if channel.is_suspended:
                channel.abandon(ConnectionLost(f"{channel.peer_id} did not open {channel.label!r} again"))

    async def close(self) -> None:
        """Close every channel, letting each send what it has."""
        closing = [asyncio.ensure_future(channel.close()) for channel in list(self._open)]
        if closing:
            _, late = await asyncio.wait(closing, timeout=CLOSE_TIMEOUT_S)
            for task in late:
                task.cancel()

    def abandon(self, failure: HeliographError | None) -> None:
        """The connection is over: nothing goes out any more, nothing comes in."""
        if not self._over:
            self._over = True
            self._arrived.put_nowait(None)
        for channel in list(self._open):
            channel.abandon(failure)

    def _forget(self, channel: Channel) -> None:
        rtc = self._open.pop(channel, None)
        self._passing.discard(channel)
        if self._by_label.get(channel.label) is channel:
            del self._by_label[channel.label]
        if rtc is not None and rtc.id is not None and channel.is_suspended and not self._over:
            self._closed_meanwhile[rtc.id] = (channel.label, channel.opened_here)
            while len(self._closed_meanwhile) > MAX_CLOSED_MEANWHILE:
                del self._closed_meanwhile[next(iter(self._closed_meanwhile))]

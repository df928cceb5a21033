"""A data channel that is awaited to send and iterated over to receive."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from aiortc.exceptions import InvalidStateError

from heliograph.channels.data_channel import DataChannel
from heliograph.channels.splitting import Splitting
from heliograph.channels.unread import Unread, UnreadTotal
from heliograph.errors import (
    ChannelClosed,
    ChannelError,
    ChannelFormatError,
    ChannelMessageTooBig,
    HeliographError,
    ReceiveOverflow,
)
from heliograph_protocol.splitting import (
    FRAGMENT_HEADER_BYTES,
    MAX_SPLIT_MESSAGE_BYTES,
    MIN_FRAGMENT_BYTES,
    SPLITTING_PROTOCOLS,
    InvalidFragment,
)

__all__ = ["MAX_MESSAGE_BYTES", "Channel"]

if TYPE_CHECKING:
    from heliograph.peer.connection import Connection

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 262_144
"""The largest message that aiortc sends or takes in one piece."""
SEND_HIGH_BYTES = 1024 * 1024
"""`send` waits while more than this is buffered."""
SEND_LOW_BYTES = 256 * 1024
"""... until no more than this is."""
OPEN_TIMEOUT_S = 15.0
FLUSH_TIMEOUT_S = 10.0
"""How long `close` waits for buffered messages to go out before it drops them."""
HELLO_TIMEOUT_S = 5.0
"""How long the first large message waits for the other side to say that it joins what is split."""
CLOSE_TIMEOUT_S = 2.0
"""How long `close` then waits for the other side to confirm."""


class Channel:
    """One data channel, ordered and reliable unless it was opened otherwise.

    `async for message in channel` gives each message, `str` or `bytes` as it was sent, and ends when the channel is
    closed by either side; it raises `ConnectionLost` if the path to the peer died. As an async context manager it waits
    for the channel to open, and closes it.
    """

    def __init__(
        self,
        rtc: DataChannel,
        *,
        peer_id: str,
        max_message_bytes: Callable[[], int] = lambda: MAX_MESSAGE_BYTES,
        connection: Connection | None = None,
        opened_here: bool = True,
        unread: UnreadTotal | None = None,
    ) -> None:
        self._rtc = rtc
        self._peer_id = peer_id
        self._max_message_bytes = max_message_bytes
        self._connection = connection
        self._unread = Unread(unread or UnreadTotal())
        self._failure: HeliographError | None = None
        self._opened = asyncio.Event()
        self._closed = asyncio.Event()
        self._arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._sending = asyncio.Lock()
        self._greeted = asyncio.Event()
        self._splitting: Splitting | None = None
        self._opened_here = opened_here
        self._suspended = False
        self._paths = 0
        self._when_closed: list[Callable[[], None]] = []
        self._attach(rtc)

    def _attach(self, rtc: DataChannel) -> None:
        def while_used(handle: Callable[..., None]) -> Callable[..., None]:
            return lambda *arguments: handle(*arguments) if rtc is self._rtc and not self._suspended else None

        if rtc.protocol in SPLITTING_PROTOCOLS:
            self._unread.joining(0)
            self._splitting = Splitting(reliable=rtc.maxRetransmits is None and rtc.maxPacketLifeTime is None)
        rtc.bufferedAmountLowThreshold = SEND_LOW_BYTES
        rtc.on("open", while_used(self._opened.set))
        rtc.on("message", while_used(self._on_message))
        rtc.on("bufferedamountlow", while_used(self._drained.set))
        rtc.on("close", while_used(self._on_close))
        if rtc.readyState == "open":
            self._opened.set()
        elif rtc.readyState == "closed":
            self._on_close()
        if self._splitting is not None and not self._opened_here:
            self._greeted.set()  # it was the opener who asked for splitting
            if rtc.readyState == "open":
                rtc.send(self._splitting.hello())

    def suspend(self) -> None:
        """The path is lost: `send` waits until `reopen`. What was sent on the old path may have been lost."""
        if self._suspended or self._closed.is_set():
            return
        self._suspended = True
        self._paths += 1
        self._opened.clear()
        self._greeted.clear()
        self._drained.set()  # whoever waits there waits for `reopen` next

    def reopen(self, rtc: DataChannel) -> None:
        """There is another path, and on it this channel again. A message that was half sent or received starts anew."""
        self._suspended = False
        self._rtc = rtc
        self._attach(rtc)

    def when_closed(self, callback: Callable[[], None]) -> None:
        """Call this once the channel is closed."""
        self._when_closed.append(callback)

    def __repr__(self) -> str:
        return f"Channel({self.label!r}, peer_id={self.peer_id!r}, {self._rtc.readyState})"

    @property
    def label(self) -> str:
        """The label that the channel was opened with."""
        return self._rtc.label

    @property
    def peer_id(self) -> str:
        """The peer at the other end."""
        return self._peer_id

    @property
    def connection(self) -> Connection:
        """The connection that carries this channel: others can be opened on it, files sent over it."""
        if self._connection is None:
            raise ChannelError("This channel was made by hand and has no connection")
        return self._connection

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent now."""
        return not self._suspended and self._rtc.readyState == "open"

    @property
    def is_suspended(self) -> bool:
        """Whether the path is lost and another one is being made."""
        return self._suspended

    @property
    def opened_here(self) -> bool:
        """Whether it was this side that opened the channel."""
        return self._opened_here

    @property
    def paths(self) -> int:
        """How often the channel has changed to another path: what was sent before that may have been lost."""
        return self._paths

    @property
    def is_closed(self) -> bool:
        """Whether the channel is closed on both sides. Messages that came before may still be read."""
        return self._closed.is_set()

    @property
    def buffered_bytes(self) -> int:
        """Accepted by `send` and not yet handed to the transport."""
        return self._rtc.bufferedAmount

    async def __aenter__(self) -> Self:
        try:
            await self.wait_open()
        except BaseException:  # there is no block then that would close it
            self._unread.release()
            self._close_at_once()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def wait_open(self) -> None:
        """Wait until messages can be sent, as long as it takes to redial.

        Raises `ChannelClosed` if the channel does not open in 15 s otherwise, or what ended it.
        """
        while not self._opened.is_set():
            try:
                async with asyncio.timeout(None if self._suspended else OPEN_TIMEOUT_S):
                    await self._opened.wait()
            except TimeoutError as error:
                if self._suspended:
                    continue
                raise ChannelClosed(f"The channel {self.label!r} did not open in {OPEN_TIMEOUT_S:g} s") from error
        if self._closed.is_set() or not self.is_open:
            raise self._failure or ChannelClosed(f"The channel {self.label!r} is closed")

    async def send(self, message: str | bytes | bytearray | memoryview) -> None:
        """Send a message, waiting while more than 1 MiB is buffered. Messages go out in the order of the calls.

        Over 262,144 bytes, or what the peer takes, it goes in pieces that the other side joins, if that is an SDK that
        does: up to 16 MiB. Raises `ChannelClosed`, `ConnectionLost` or `ChannelMessageTooBig`.
        """
        data = message if isinstance(message, str | bytes) else bytes(message)
        size = len(data.encode()) if isinstance(data, str) else len(data)
        async with self._sending:
            while not await self._send_whole(data, size):
                log.debug("channel.sent_anew label=%s", self.label)

    async def _send_whole(self, data: str | bytes, size: int) -> bool:
        """Whether all of it went the same path. Else it has to be sent once more."""
        await self.wait_open()
        path = self._paths
        limit = self._max_message_bytes()
        splitting = self._splitting
        if splitting is None or splitting.is_plain(data, size, limit) or not await self._may_split(size, limit):
            if path != self._paths:
                return False
            if size > limit:
                raise ChannelMessageTooBig(size, limit)
            return await self._send_frame(data, path)
        return await self._send_split(splitting, data, limit, path)

    async def _may_split(self, size: int, limit: int) -> bool:
        """Whether a message can go in pieces. Over a slow path the other side's word for it may take a while."""
        if limit < FRAGMENT_HEADER_BYTES + MIN_FRAGMENT_BYTES:
            return False
        if size > MAX_SPLIT_MESSAGE_BYTES:
            raise ChannelMessageTooBig(size, MAX_SPLIT_MESSAGE_BYTES)
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                await self._greeted.wait()
        except TimeoutError:
            log.info("channel.split_unknown_to_peer label=%s", self.label)
            return False
        await self.wait_open()
        return True

    async def _send_split(self, splitting: Splitting, data: str | bytes, limit: int, path: int) -> bool:
        number, frames = splitting.frames(data, limit)
        try:
            for frame in frames:
                if not await self._send_frame(frame, path):
                    return False
        except asyncio.CancelledError:
            if self.is_open and path == self._paths:  # or the other side would keep what it has
                self._rtc.send(splitting.abandon(number))
            raise
        return True

    async def _send_frame(self, frame: str | bytes, path: int) -> bool:
        while path == self._paths and self._rtc.bufferedAmount > SEND_HIGH_BYTES:
            self._drained.clear()
            await self._drained.wait()
            await self.wait_open()
        if path != self._paths:
            return False
        try:
            self._rtc.send(frame)
        except InvalidStateError as error:
            raise self._failure or ChannelClosed(f"The channel {self.label!r} is closed") from error
        await asyncio.sleep(0)  # aiortc sends from tasks of its own, which a loop of sends would keep from running
        return True

    async def receive(self) -> str | bytes:
        """The next message. Raises `ChannelClosed` after the last one, `ReceiveOverflow` or `ConnectionLost`."""
        while not self._unread:
            if self._closed.is_set():
                raise self._failure or ChannelClosed(f"The channel {self.label!r} is closed")
            self._arrived.clear()
            await self._arrived.wait()
        return self._unread.take()

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while True:
            try:
                message = await self.receive()
            except ChannelClosed:
                return
            yield message

    async def close(self) -> None:
        """Send what is buffered, then close. Everything sent has arrived when the other side confirms the close.

        Waits 10 s at most for the buffer and 2 s for the confirmation; not at all while the path is lost. Safe to
        repeat. Cancelled, it closes at once.
        """
        try:
            await self._close()
        except asyncio.CancelledError:
            self._close_at_once()
            raise
        finally:  # not before: the other side may go on sending until it has confirmed the close
            self._unread.release()

    async def _close(self) -> None:
        if self._suspended:
            self._on_close()
            return
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT_S), self._sending:  # what is being sent still goes out whole
                while self.is_open and not self._closed.is_set() and self._rtc.bufferedAmount:
                    self._rtc.bufferedAmountLowThreshold = 0
                    self._drained.clear()
                    await self._drained.wait()
        except TimeoutError:
            log.warning("channel.flush_timeout label=%s unsent_bytes=%d", self.label, self._rtc.bufferedAmount)
        if self.is_suspended:  # meanwhile
            self._on_close()
            return
        self._rtc.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._closed.wait()
        except TimeoutError:
            log.info("channel.close_unconfirmed label=%s", self.label)
            self._on_close()

    def abandon(self, failure: HeliographError | None = None) -> None:
        """The connection is over: close without waiting, and give readers and senders this reason."""
        self._failure = self._failure or failure
        self._on_close()

    def _on_message(self, frame: str | bytes) -> None:
        if self._closed.is_set():
            return
        message: str | bytes | None = frame
        if self._splitting is not None:
            try:
                message = self._splitting.take(frame)
            except InvalidFragment as error:
                self._break_off(ChannelFormatError(f"{self.peer_id} broke the format of {self.label!r}: {error}"))
                return
            self._unread.joining(self._splitting.joining_bytes)
            if self._splitting.greeted:
                self._greeted.set()
        if message is not None:
            self._unread.put(message)
        if (overflow := self._unread.overflow(whole=message is not None)) is not None:
            if message is not None:
                self._unread.drop_newest()
            self._break_off(ReceiveOverflow(f"{self.label!r}: {overflow}"))
        elif message is not None:
            self._arrived.set()

    def _break_off(self, failure: ChannelError) -> None:
        """Close at once, on account of what the other side sent."""
        log.warning("channel.broken_off label=%s reason=%s unread_bytes=%d", self.label, failure, self._unread.size)
        self._failure = failure
        self._close_at_once()

    def _close_at_once(self) -> None:
        if not self._suspended:
            self._rtc.close()
        self._on_close()

    def _on_close(self) -> None:
        callbacks, self._when_closed = self._when_closed, []
        self._closed.set()
        self._opened.set()
        self._arrived.set()
        self._drained.set()
        self._greeted.set()
        if self._splitting is not None:  # what is not whole yet never will be
            self._splitting.forget()
            self._unread.joining(0)
        for callback in callbacks:
            callback()

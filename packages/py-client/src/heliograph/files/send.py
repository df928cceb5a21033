"""Sending one file, over as many channels as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from heliograph.channels.channel import Channel
from heliograph.errors import (
    ChannelClosed,
    ChannelError,
    ConnectionLost,
    TransferCancelled,
    TransferError,
    TransferInterrupted,
    TransferRefused,
)
from heliograph.files.control import control_frame
from heliograph.files.names import sendable_name
from heliograph.files.offer import Progress, SentFile
from heliograph.files.outgoing import Outgoing
from heliograph.files.source import Source
from heliograph.files.threads import closing_in_thread, in_thread, while_alive
from heliograph_protocol.datachannel import (
    FILE_LABEL,
    FRAME_BYTES,
    FileCancelled,
    FileChecking,
    FileCheckpoint,
    FileCode,
    FileControl,
    FileHeader,
)

__all__ = ["OpensChannels", "send_file"]

DECISION_TIMEOUT_S = 300.0
"""How long the receiver may take to accept: a person may be asked."""
STALL_TIMEOUT_S = 60.0
"""How long the receiver may stay silent after that while its word is waited for."""
TELL_TIMEOUT_S = 1.0
"""How long it may take to say that the sender gives up."""
RETRY_PAUSES_S = (0.25, 1.0, 4.0)
"""Before another attempt on the same connection, after as many that brought nothing; then it is given up."""


class OpensChannels(Protocol):
    """What `send_file` needs of a connection."""

    @property
    def peer_id(self) -> str: ...

    async def wait_connected(self) -> None:
        """Wait until channels can be used. Raises `ConnectionLost` when they never will be again."""
        ...

    def open_channel(self, label: str) -> Channel:
        """Open a new ordered, reliable channel."""
        ...


async def send_file(
    connection: OpensChannels,
    path: str | Path,
    *,
    name: str | None = None,
    folder: Sequence[str] = (),
    progress: Progress | None = None,
) -> SentFile:
    """Send the file at `path` over a channel of its own and wait until the receiver has verified and kept it.

    `connection` is a `Connection`. `name` is what the receiver is told, otherwise the file's own; `folder` the folders
    in which it shall lie there. Bytes of a name that are no UTF-8 are sent as U+FFFD. `progress` is called with the
    bytes that the receiver has verified and the bytes in all. When the channel or the connection is lost, the transfer
    goes on by itself over the next one, at the receiver's last verified chunk.

    Raises `TransferRefused`, `TransferCancelled` if the receiver gave up, `TransferInterrupted`, `ConnectionLost` when
    the connection is over, `TransferError` with code `CHANGED` if the file changes meanwhile, or OSError if it cannot
    be read.
    """
    async with closing_in_thread() as stack:
        source = await in_thread(Source.open, path, stack)
        header = FileHeader(
            name=sendable_name(name or Path(path).name),
            folder=[sendable_name(each) for each in folder],
            size=source.size,
            mime=source.mime,
            modified_ms=source.modified_ms,
            transfer_id=secrets.token_hex(16),
        )
        return await _Sending(connection, source, header, progress).run()


class _Sending:
    """All attempts to send one file."""

    def __init__(
        self, connection: OpensChannels, source: Source, header: FileHeader, progress: Progress | None
    ) -> None:
        self._connection = connection
        self._source = source
        self._header = header
        self._progress = progress
        self._best = 0

    async def run(self) -> SentFile:
        fruitless = 0
        while True:
            await self._connection.wait_connected()
            best, heard = self._best, False
            try:
                async with self._connection.open_channel(FILE_LABEL) as channel:
                    attempt = _Attempt(channel, self._source, self._header, self._on_progress)
                    try:
                        return await attempt.run()
                    finally:
                        heard = attempt.heard
            except ConnectionLost:
                continue  # `wait_connected` knows whether there will be another one
            except ChannelError as error:
                fruitless = 0 if self._best > best else fruitless + 1
                if not heard or fruitless > len(RETRY_PAUSES_S):
                    words = f"{self._connection.peer_id} closed the channel before {self._header.name} was through"
                    raise TransferInterrupted(words) from error
                await asyncio.sleep(RETRY_PAUSES_S[max(0, fruitless - 1)])

    def _on_progress(self, done: int) -> None:
        self._best = max(self._best, done)
        if self._progress is not None:
            self._progress(done, self._header.size)


class _Attempt:
    """One offer of the file, on one channel."""

    def __init__(self, channel: Channel, source: Source, header: FileHeader, progress: Callable[[int], None]) -> None:
        self._channel = channel
        self._source = source
        self._header = header
        self._progress = progress
        self._outgoing = Outgoing(channel.peer_id, header.size)
        self._changed = asyncio.Event()
        self._listening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard = False
        """Whether the receiver has said anything."""

    async def run(self) -> SentFile:
        self._listening = asyncio.create_task(self._listen(), name=f"answers about {self._header.name}")
        try:
            return await self._send()
        except (ChannelClosed, ConnectionLost):
            await self._listening  # a refusal may have come before the close
            raise
        except (TransferInterrupted, TransferRefused, TransferCancelled):
            raise
        except BaseException as error:
            await self._cancel(str(error) if isinstance(error, TransferError) else "The sender stopped")
            raise
        finally:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    async def _send(self) -> SentFile:
        outgoing = self._outgoing
        await self._say(self._header)
        await self._until(lambda: outgoing.start is not None, DECISION_TIMEOUT_S)
        start = await self._start()
        await self._content()
        await self._until(lambda: outgoing.receipt is not None)
        receipt = outgoing.receipt
        if receipt is None or (receipt.sha256, receipt.size) != (self._source.sha256, self._header.size):
            words = f"{self._channel.peer_id} received another content than was sent"
            raise TransferError(words, code=FileCode.CHECKSUM_MISMATCH)
        if self._header.size == start:
            self._progress(start)
        folder = tuple(self._header.folder)
        return SentFile(
            name=self._header.name, size=receipt.size, sha256=receipt.sha256, folder=folder, resumed_at=start
        )

    async def _start(self) -> int:
        """Show that the content before the accepted offset is known, until the receiver agrees."""
        outgoing = self._outgoing
        while True:
            start = outgoing.start or 0
            prefix = await in_thread(self._source.prefix, start)
            if prefix is not None:
                await while_alive(prefix.run(), lambda: self._say(FileChecking()))
                self._source.continue_after(prefix, start)
            await self._say(FileCheckpoint(offset=start, sha256=self._source.sha256))
            await self._agreement_on(start)
            if outgoing.agreed and outgoing.start == start:
                return start

    async def _content(self) -> None:
        size = self._header.size
        reading = self._read_ahead()
        try:
            while reading is not None:
                content, sha256 = await reading
                end = self._source.offset
                reading = self._read_ahead()
                await self._room_for(len(content))
                for begin in range(0, len(content), FRAME_BYTES):
                    await self._channel.send(content[begin : begin + FRAME_BYTES])
                    self._check()
                self._outgoing.sent(len(content))
                await self._say(FileCheckpoint(offset=end, sha256=sha256))
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.wait([reading])
        await self._until(lambda: self._outgoing.confirmed == size)

    def _read_ahead(self) -> asyncio.Task[tuple[bytes, str]] | None:
        if self._source.offset == self._header.size:
            return None
        return asyncio.create_task(in_thread(self._source.read), name=f"read {self._header.name}")

    async def _listen(self) -> None:
        """Take what the receiver says, until that is a refusal or nonsense, or the channel ends; then raise."""
        try:
            while True:
                frame = await self._channel.receive()
                self.heard = True
                before = self._outgoing.confirmed
                self._outgoing.take(frame)
                self._changed.set()
                if self._outgoing.confirmed > before:
                    self._progress(self._outgoing.confirmed)
        finally:
            self._changed.set()

    async def _room_for(self, size: int) -> None:
        await self._until(lambda: self._outgoing.room_for(size))

    async def _agreement_on(self, start: int) -> None:
        await self._until(lambda: self._outgoing.agreed or self._outgoing.start != start)

    async def _until(self, holds: Callable[[], bool], timeout_s: float = STALL_TIMEOUT_S) -> None:
        """Wait until something about what the receiver has said holds; it may not be silent for longer than that."""
        while not holds():
            self._check()
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError as error:
                raise TransferInterrupted(f"{self._channel.peer_id} said nothing for {timeout_s:g} s") from error

    def _check(self) -> None:
        """Raise what ended the listening."""
        if self._listening.done():
            self._listening.result()

    async def _say(self, message: FileControl) -> None:
        await self._channel.send(control_frame(message))

    async def _cancel(self, message: str) -> None:
        with contextlib.suppress(ChannelError, ConnectionLost, TimeoutError):
            async with asyncio.timeout(TELL_TIMEOUT_S):
                await self._say(FileCancelled(message=message))

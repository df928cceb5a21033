"""Receiving one file from the channel that carries it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from heliograph.channels.channel import Channel
from heliograph.errors import ChannelError, ConnectionLost, TransferError, TransferInterrupted
from heliograph.files.control import control_frame
from heliograph.files.inbox import Existing, Inbox
from heliograph.files.incoming import Chunk, Incoming, Start
from heliograph.files.names import bare_file_name, bare_folder
from heliograph.files.nowhere import Nowhere
from heliograph.files.offer import FileOffer, Progress, ReceivedFile
from heliograph.files.partial import Partial
from heliograph.files.prefix import PrefixHash
from heliograph.files.threads import closing_in_thread, in_thread, while_alive
from heliograph_protocol.datachannel import (
    FileChecking,
    FileCode,
    FileControl,
    FileHeader,
    FileReceived,
    FileRefused,
)

__all__ = ["Accept", "receive_file"]

STALL_TIMEOUT_S = 60.0
"""How long the receiver waits for the next message."""
CHECK_TIMEOUT_S = 600.0
"""How long the sender may take in all to hash what is here already, and ..."""
CHECK_BYTES_PER_S = 10_000_000
"""... a second more for each so many bytes of it."""
TELL_TIMEOUT_S = 1.0
"""How long a refusal may take to get onto the channel."""
CLAIM_TIMEOUT_S = 60.0
"""How long an earlier attempt may keep its partial file; then this attempt starts another one."""
CLAIM_POLL_S = 0.1

T = TypeVar("T")
Accept = Callable[[FileOffer], bool | Awaitable[bool]]
"""Says whether a file is wanted."""


async def receive_file(
    channel: Channel,
    *,
    into: str | Path | None = None,
    existing: Existing = "rename",
    max_bytes: int | None = None,
    accept: Accept | None = None,
    progress: Progress | None = None,
) -> ReceivedFile:
    """Receive the file that the `channel`, one labelled `file`, carries, and answer its sender.

    A file over `max_bytes` is refused, and so is one of which `accept` says no: it is called with the `FileOffer`, may
    be async, and has five minutes. `progress` is called with the bytes that have been verified and the bytes in all.

    With `into` the file appears in that directory, whole or not at all. If its name is taken, `existing` decides: it
    gets another one (`a (1).bin`), it replaces what is there, or it is refused. What is there already with the same
    name, size, time and content is not received again. Without `into`, only its hash is computed.

    A transfer that is interrupted raises `TransferInterrupted` and leaves what has arrived under a hidden temporary
    name; when the file is offered again, it goes on from there. A refusal is told to the sender and raised as
    `TransferError`; a sender that gives up raises `TransferCancelled`.
    """
    receiving = _Receiving(channel, max_bytes, accept, progress)
    try:
        return await receiving.run(None if into is None else Path(into), existing)
    except TransferError as error:
        if error.code:
            await receiving.refuse(error.code, str(error))
        raise
    except (ChannelError, ConnectionLost) as error:
        raise TransferInterrupted(f"The channel ended before the file did: {error}") from error
    except BaseException:
        await receiving.refuse(FileCode.CANCELLED, "The receiver stopped")
        raise


class _Receiving:
    """One attempt."""

    def __init__(
        self, channel: Channel, max_bytes: int | None, accept: Accept | None, progress: Progress | None
    ) -> None:
        self._channel = channel
        self._max_bytes = max_bytes
        self._accept = accept
        self._progress = progress or (lambda _done, _size: None)
        self._incoming = Incoming()

    async def run(self, into: Path | None, existing: Existing) -> ReceivedFile:
        self._incoming.take(await self._next())
        header = self._incoming.header
        offer = self._offer(header)
        await self._check_wanted(offer)
        if into is None:
            nowhere = Nowhere()
            await self._start(0, nowhere.sha256)
            await self._content(nowhere)
            return await self._received(offer, nowhere.sha256, None, 0)
        inbox = Inbox(into, header, existing=existing)
        await in_thread(inbox.prepare)
        if (sha256 := await self._there_already(inbox)) is not None:
            return await self._received(offer, sha256, inbox.target, header.size)
        await in_thread(inbox.check_free)
        async with closing_in_thread() as stack:
            partial = await self._busy(self._claim(inbox, stack))
            begin = await self._begin(partial)
            await in_thread(inbox.check_space, header.size - begin)
            await self._content(partial)
            path = await self._busy(in_thread(inbox.keep, partial))
        return await self._received(offer, partial.sha256, path, begin)

    async def refuse(self, code: str, message: str) -> None:
        """Tell the sender, if it is still there."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TELL_TIMEOUT_S):
                await self._say(FileRefused(code=code, message=message))

    def _offer(self, header: FileHeader) -> FileOffer:
        name, folder = bare_file_name(header.name), bare_folder(header.folder)
        return FileOffer(name=name, size=header.size, mime=header.mime, peer_id=self._channel.peer_id, folder=folder)

    async def _check_wanted(self, offer: FileOffer) -> None:
        if self._max_bytes is not None and offer.size > self._max_bytes:
            words = f"{offer.name} has {offer.size:,} bytes, over the {self._max_bytes:,} allowed"
            raise TransferError(words, code=FileCode.TOO_BIG)
        wanted = True if self._accept is None else self._accept(offer)
        if inspect.isawaitable(wanted):
            wanted = await self._busy(wanted)
        if not wanted:
            raise TransferError(f"{offer.name} is not wanted", code=FileCode.NOT_WANTED)

    async def _there_already(self, inbox: Inbox) -> str | None:
        """The SHA-256 of the file that is there already, if it is the one that the sender has."""
        size = self._incoming.header.size
        async with closing_in_thread() as stack:
            if (file := await in_thread(inbox.same, stack)) is None:
                return None
            prefix = await self._busy(PrefixHash(file, size).run())
            if prefix.offset == size and await self._start(size, prefix.sha256):
                return prefix.sha256
        return None

    async def _claim(self, inbox: Inbox, stack: ExitStack) -> Partial:
        seen: dict[Path, int] = {}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CLAIM_TIMEOUT_S
        while True:
            patient = loop.time() < deadline
            if (partial := await in_thread(inbox.claim, stack, seen, patient=patient)) is not None:
                return partial
            await asyncio.sleep(CLAIM_POLL_S)  # a lock that another process may have: nobody tells

    async def _begin(self, partial: Partial) -> int:
        """Agree with the sender on how much of its content is here already."""
        prefix = await self._busy((await in_thread(partial.recorded)).run())
        await in_thread(partial.truncate, prefix)
        if not await self._start(partial.offset, partial.sha256):
            await in_thread(partial.truncate)
            await self._start(0, partial.sha256)
        return partial.offset

    async def _start(self, offset: int, sha256: str) -> bool:
        """Ask for the content from there on. False if the sender's begins otherwise than ours."""
        await self._say(self._incoming.accept(offset))
        limit_s = CHECK_TIMEOUT_S + offset / CHECK_BYTES_PER_S
        try:
            async with asyncio.timeout(limit_s):
                while not isinstance(start := self._incoming.take(await self._next()), Start):
                    continue
        except TimeoutError as error:
            raise TransferInterrupted(f"The sender was still checking its file after {limit_s:g} s") from error
        if start.sha256 == sha256:
            await self._say(self._incoming.agree())
            return True
        if offset == 0:
            raise TransferError("That is not the hash of nothing", code=FileCode.CHECKSUM_MISMATCH)
        return False

    async def _content(self, sink: Partial | Nowhere) -> None:
        while not self._incoming.complete:
            if isinstance(chunk := self._incoming.take(await self._next()), Chunk):
                await in_thread(sink.append, chunk.content, chunk.sha256)
                await self._say(self._incoming.confirm(chunk.offset))
                self._progress(chunk.offset, self._incoming.header.size)

    async def _received(self, offer: FileOffer, sha256: str, path: Path | None, begin: int) -> ReceivedFile:
        await self._say(FileReceived(size=offer.size, sha256=sha256))
        if begin == offer.size:
            self._progress(offer.size, offer.size)
        return ReceivedFile(
            name=path.name if path else offer.name,
            size=offer.size,
            sha256=sha256,
            mime=offer.mime,
            path=path,
            peer_id=offer.peer_id,
            folder=offer.folder,
            resumed_at=begin,
        )

    async def _busy(self, work: Awaitable[T]) -> T:
        return await while_alive(work, lambda: self._say(FileChecking()))

    async def _next(self) -> str | bytes:
        try:
            async with asyncio.timeout(STALL_TIMEOUT_S):
                return await self._channel.receive()
        except TimeoutError as error:
            raise TransferInterrupted(f"Nothing came for {STALL_TIMEOUT_S:g} s") from error

    async def _say(self, message: FileControl) -> None:
        """Tell the sender. If it is gone, what it said before is still read, and then the channel's end is noticed."""
        with contextlib.suppress(ChannelError, ConnectionLost):
            await self._channel.send(control_frame(message))

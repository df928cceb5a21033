"""Files over a data channel: a header, the content in chunks, a checksum, the receiver's answer.

The format is `heliograph_protocol.datachannel`'s. Content is read, hashed and written in blocks by a worker thread, so
that neither a slow disk nor SHA-256 holds up the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from heliograph.channels.channel import Channel
from heliograph.channels.inbox import IncomingFile, bare_file_name
from heliograph.errors import (
    ChannelClosed,
    ChannelError,
    ConnectionLost,
    TransferError,
    TransferInterrupted,
    TransferRefused,
)
from heliograph_protocol.datachannel import (
    CHUNK_BYTES,
    FILE_LABEL,
    FileControl,
    FileEnd,
    FileHeader,
    FileReceived,
    FileRefused,
)

__all__ = ["FileOffer", "ReceivedFile", "SentFile", "receive_file", "send_file"]

BLOCK_BYTES = 16 * CHUNK_BYTES
"""Read from or written to the disk at once."""
ANSWER_TIMEOUT_S = 60.0
"""How long the sender waits for the receiver's answer after the last byte is sent."""
STALL_TIMEOUT_S = 60.0
"""How long the receiver waits for the next message."""

_control_decoder: msgspec.json.Decoder[FileControl] = msgspec.json.Decoder(FileControl)

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


class OpensChannels(Protocol):
    """What `send_file` needs of a connection."""

    def open_channel(self, label: str) -> Channel:
        """Open a new ordered, reliable channel."""
        ...


@dataclass(frozen=True, slots=True)
class FileOffer:
    """What a sender says about a file before its content. `name` is a bare file name."""

    name: str
    size: int
    mime: str
    peer_id: str


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that has arrived: the receiver computed the same SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that has arrived whole. `path` is where it is, None if only its hash was wanted."""

    name: str
    size: int
    sha256: str
    mime: str
    path: Path | None


async def send_file(
    connection: OpensChannels, path: str | Path, *, name: str | None = None, progress: Progress | None = None
) -> SentFile:
    """Send a file over a channel of its own and wait until the receiver has confirmed it.

    Raises `TransferRefused`, `TransferInterrupted`, `ConnectionLost`, or OSError if the file cannot be read.
    """
    source = Path(path)
    size = (await asyncio.to_thread(source.stat)).st_size
    mime = mimetypes.guess_type(source.name)[0] or "application/octet-stream"
    header = FileHeader(name=name or source.name, size=size, mime=mime)
    async with connection.open_channel(FILE_LABEL) as channel:
        answering = asyncio.create_task(_answer(channel), name=f"answer to {header.name}")
        try:
            digest = await _send_content(channel, source, header, answering, progress)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                received = await answering
        except TimeoutError as error:
            raise TransferInterrupted(f"{channel.peer_id} did not confirm {header.name}") from error
        except ChannelClosed as error:
            with contextlib.suppress(ChannelClosed):
                await answering  # a refusal may have come before the close
            raise TransferInterrupted(
                f"{channel.peer_id} closed the channel before {header.name} was through"
            ) from error
        finally:
            answering.cancel()
            await asyncio.wait([answering])
    if received.sha256 != digest or received.size != size:
        raise TransferError(f"{channel.peer_id} received another content than was sent", code="CHECKSUM_MISMATCH")
    return SentFile(name=header.name, size=size, sha256=digest)


async def receive_file(
    channel: Channel,
    *,
    into: str | Path | None = None,
    max_bytes: int | None = None,
    accept: Callable[[FileOffer], bool] | None = None,
    progress: Progress | None = None,
) -> ReceivedFile:
    """Receive the file that a channel labelled `file` carries, and answer its sender.

    With `into` the file appears in that directory, whole or not at all, under its own name (`a (1).bin` if that is
    taken). Without, only its hash is computed. A refusal is sent to the sender and raised as `TransferError`; a channel
    that closes early raises `TransferInterrupted`.
    """
    try:
        header = _header(await _next(channel))
        _check_wanted(header, channel.peer_id, max_bytes, accept)
        with IncomingFile(header.name, into=None if into is None else Path(into)) as file:
            digest = await _receive_content(channel, header, file, progress)
            path = await asyncio.to_thread(file.keep)
    except TransferError as error:
        if error.code:
            await _tell(channel, FileRefused(code=error.code, message=str(error)))
        raise
    await _tell(channel, FileReceived(size=header.size, sha256=digest))
    return ReceivedFile(
        name=path.name if path else header.name, size=header.size, sha256=digest, mime=header.mime, path=path
    )


async def _send_content(
    channel: Channel,
    source: Path,
    header: FileHeader,
    answering: asyncio.Task[FileReceived],
    progress: Progress | None,
) -> str:
    sha256 = hashlib.sha256()
    sent = 0
    await channel.send(_text(header))
    with await asyncio.to_thread(source.open, "rb") as file:

        def read_block() -> bytes:
            block = file.read(min(BLOCK_BYTES, header.size - sent))
            sha256.update(block)
            return block

        while sent < header.size:
            block = await asyncio.to_thread(read_block)
            if not block:
                raise TransferInterrupted(f"{source} became shorter while it was sent")
            for start in range(0, len(block), CHUNK_BYTES):
                if answering.done():
                    answering.result()  # raises the refusal
                    raise TransferError(
                        f"{channel.peer_id} confirmed {header.name} before its end", code="SIZE_MISMATCH"
                    )
                chunk = block[start : start + CHUNK_BYTES]
                await channel.send(chunk)
                sent += len(chunk)
                if progress is not None:
                    progress(sent, header.size)
    digest = sha256.hexdigest()
    await channel.send(_text(FileEnd(sha256=digest)))
    return digest


async def _answer(channel: Channel) -> FileReceived:
    async for message in channel:
        match _control(message):
            case FileReceived() as received:
                return received
            case FileRefused(code=code, message=words):
                raise TransferRefused(f"{channel.peer_id} refused the file: {words or code}", code=code)
            case _:
                continue  # nothing that this version knows
    raise ChannelClosed("The receiver closed the channel")


async def _receive_content(channel: Channel, header: FileHeader, file: IncomingFile, progress: Progress | None) -> str:
    received = 0
    block: list[bytes] = []
    block_bytes = 0
    while isinstance(message := await _next(channel), bytes):
        received += len(message)
        if received > header.size:
            raise TransferError(f"{header.name} has more bytes than announced", code="SIZE_MISMATCH")
        block.append(message)
        block_bytes += len(message)
        if block_bytes >= BLOCK_BYTES:
            await asyncio.to_thread(file.write, block)
            block, block_bytes = [], 0
        if progress is not None:
            progress(received, header.size)
    await asyncio.to_thread(file.write, block)
    end = _control(message)
    if not isinstance(end, FileEnd):
        raise TransferError("Expected the end of the file", code="BAD_HEADER")
    if received != header.size:
        raise TransferError(f"{header.name}: {received:,} bytes came of {header.size:,}", code="SIZE_MISMATCH")
    digest = file.sha256
    if digest != end.sha256:
        raise TransferError(f"{header.name}: the checksum does not match", code="CHECKSUM_MISMATCH")
    return digest


async def _next(channel: Channel) -> str | bytes:
    try:
        async with asyncio.timeout(STALL_TIMEOUT_S):
            return await channel.receive()
    except TimeoutError as error:
        raise TransferInterrupted(f"Nothing came for {STALL_TIMEOUT_S:g} s") from error
    except ChannelError as error:
        raise TransferInterrupted(f"The channel ended before the file did: {error}") from error


def _check_wanted(
    header: FileHeader, peer_id: str, max_bytes: int | None, accept: Callable[[FileOffer], bool] | None
) -> None:
    if max_bytes is not None and header.size > max_bytes:
        raise TransferError(f"{header.name} has {header.size:,} bytes, over the {max_bytes:,} allowed", code="TOO_BIG")
    offer = FileOffer(name=bare_file_name(header.name), size=header.size, mime=header.mime, peer_id=peer_id)
    if accept is not None and not accept(offer):
        raise TransferError(f"{header.name} is not wanted", code="NOT_WANTED")


async def _tell(channel: Channel, answer: FileReceived | FileRefused) -> None:
    try:
        await channel.send(_text(answer))
    except (ChannelError, ConnectionLost):
        if isinstance(answer, FileReceived):  # the file is here all the same; only its sender does not know
            return


def _header(message: str | bytes) -> FileHeader:
    header = _control(message)
    if not isinstance(header, FileHeader):
        raise TransferError("Expected a file's header", code="BAD_HEADER")
    return header


def _control(message: str | bytes) -> FileControl | None:
    if not isinstance(message, str):
        return None
    try:
        return _control_decoder.decode(message)
    except msgspec.DecodeError:
        return None


def _text(control: FileControl) -> str:
    return msgspec.json.encode(control).decode()

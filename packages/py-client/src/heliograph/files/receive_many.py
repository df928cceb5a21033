"""Receiving every file that is sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from heliograph.channels.channel import Channel
from heliograph.errors import ConnectionLost, HeliographError
from heliograph.files.inbox import Existing
from heliograph.files.offer import Progress, ReceivedFile
from heliograph.files.receive import Accept, receive_file
from heliograph.files.slots import MAX_AT_ONCE, Slots
from heliograph.worker import Worker
from heliograph_protocol.datachannel import FILE_LABEL

__all__ = ["AcceptsChannels", "ReceivedFiles", "receive_files"]

log = logging.getLogger(__name__)

MAX_UNREAD = 1024
"""Files that have arrived and that nobody has read of; the next one then is confirmed, and its channel stays open."""

_Receive = Callable[[Channel], Awaitable[ReceivedFile]]


class AcceptsChannels(Protocol):
    """What `receive_files` needs of a connection."""

    async def accept_channel(self) -> Channel:
        """The next channel that the other side opens. Raises `ConnectionLost` when there will be none."""
        ...


def receive_files(
    source: AcceptsChannels | Worker,
    *,
    into: str | Path | None,
    existing: Existing = "rename",
    max_bytes: int | None = None,
    accept: Accept | None = None,
    progress: Progress | None = None,
) -> ReceivedFiles:
    """Receive every file that is sent over a connection, or to a worker: `async with receive_files(…) as files`.

    The `source` is a `Connection` or a `Worker`. Within the block files arrive, several at once, 16 at most and, of one
    of a worker's peers, 4; `async for file in files` tells of each that has. `into`, `existing`, `max_bytes`, `accept`
    and `progress` are those of `receive_file`. One that is interrupted, cancelled or refused is logged, and no more is
    heard of it until it is sent again. Of a connection, all channels that the other side opens are taken; those with
    another label than `file` are to be had with `connection.channel(label)`. A worker's are taken over as with
    `on_channel("file")`.
    """

    async def receive(channel: Channel) -> ReceivedFile:
        return await receive_file(
            channel, into=into, existing=existing, max_bytes=max_bytes, accept=accept, progress=progress
        )

    return ReceivedFiles(source, receive)


class ReceivedFiles:
    """The files that have arrived: an async context manager, and an async iterator that ends with the connection."""

    def __init__(self, source: AcceptsChannels | Worker, receive: _Receive) -> None:
        self._source = source
        self._receive = receive
        self._arrived: asyncio.Queue[ReceivedFile | None] = asyncio.Queue(MAX_UNREAD)
        self._slots = Slots() if isinstance(source, Worker) else Slots(of_one_peer=MAX_AT_ONCE)
        self._receiving: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._over = False

    async def __aenter__(self) -> Self:
        if isinstance(self._source, Worker):
            self._source.on_channel(FILE_LABEL)(self._take)
        else:
            self._accepting = asyncio.create_task(self._accept(self._source), name="accept files")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over = True
        tasks = [*self._receiving, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def __aiter__(self) -> AsyncIterator[ReceivedFile]:
        while (file := await self._arrived.get()) is not None:
            yield file

    async def _accept(self, source: AcceptsChannels) -> None:
        try:
            while True:
                channel = await source.accept_channel()
                if channel.label == FILE_LABEL:
                    self._start(self._take_and_close(channel))
        except ConnectionLost as error:
            log.debug("files.connection_over reason=%s", error)
        if self._receiving:
            await asyncio.wait(self._receiving)
        await self._arrived.put(None)

    def _start(self, receiving: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(receiving, name="receive a file")
        self._receiving.add(task)
        task.add_done_callback(self._receiving.discard)
        return task

    async def _take_and_close(self, channel: Channel) -> None:
        try:
            await self._receive_one(channel)
        except HeliographError as error:
            log.info("files.not_received peer=%s reason=%s", channel.peer_id, error)
        except Exception:  # of `accept` or `progress`
            log.exception("files.not_received peer=%s", channel.peer_id)
        finally:
            await channel.close()

    async def _take(self, channel: Channel) -> None:
        """The handler of a worker, which logs errors and closes the channel; outside the block it takes nothing."""
        if not self._over:
            await self._start(self._receive_one(channel))

    async def _receive_one(self, channel: Channel) -> None:
        async with self._slots.of(channel.peer_id):
            await self._arrived.put(await self._receive(channel))

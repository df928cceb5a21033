"""One process and whatever it starts: its input, its output, its end."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import IO, Any, Self

__all__ = ["Execution", "Part"]

Part = dict[str, Any]

CHUNK_BYTES = 16 * 1024
MAX_UNREAD_PARTS = 8
"""Parts that wait to be sent. Then nothing more is read, the pipe fills up, and the command waits in its next write."""
STOP_GRACE_S = 3.0
"""Between SIGTERM and SIGKILL."""
DRAIN_TIMEOUT_S = 2.0
"""When the command is over, and something that left its process group holds its output open: how long to listen on."""


class Execution:
    """Runs a command in a process group of its own. Leaving the block ends whatever is left of it."""

    def __init__(self, words: tuple[str, ...], *, stdin: bytes, environment: Mapping[str, str]) -> None:
        self._words = words
        self._stdin = stdin
        self._environment = environment
        self._parts: asyncio.Queue[Part | None] = asyncio.Queue(MAX_UNREAD_PARTS)
        self._read_parts = 0
        self._process: asyncio.subprocess.Process
        self._pumps: list[asyncio.Task[None]] = []
        self._ending: asyncio.Task[int]

    async def __aenter__(self) -> Self:
        ours: dict[str, int] = {}
        theirs: dict[str, int] = {}
        try:
            for name in ("stdout", "stderr"):
                ours[name], theirs[name] = os.pipe()
            with await asyncio.to_thread(_file_with, self._stdin) as stdin:
                self._process = await asyncio.create_subprocess_exec(
                    *self._words,
                    stdin=stdin,
                    stdout=theirs["stdout"],
                    stderr=theirs["stderr"],
                    env=self._environment,
                    start_new_session=True,
                )
        except BaseException:
            for descriptor in ours.values():
                os.close(descriptor)
            raise
        finally:
            for descriptor in theirs.values():
                os.close(descriptor)
        self._pumps = [asyncio.create_task(self._pump(name, end), name=name) for name, end in ours.items()]
        self._ending = asyncio.create_task(self._until_over(), name=f"end of {self._words[0]}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._process.returncode is None:
                self._signal(signal.SIGTERM)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STOP_GRACE_S):
                        await self._process.wait()
        finally:  # who waits here may be cancelled once more
            if not self._ending.done():
                self._signal(signal.SIGKILL)
            for task in (*self._pumps, self._ending):
                task.cancel()
        await asyncio.wait([*self._pumps, self._ending])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_GRACE_S):
                await self._process.wait()  # the loop lets go of it only then

    async def output(self) -> AsyncIterator[Part]:
        """What the command writes as it does, `{"stdout": text}` or `{"stderr": text}`, until it is over."""
        while (part := await self._parts.get()) is not None:
            yield part

    async def wait(self) -> int:
        """The exit code, negative for the number of the signal that ended it."""
        return await asyncio.shield(self._ending)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of zombies
            os.killpg(self._process.pid, number)

    async def _pump(self, name: str, descriptor: int) -> None:
        reader = asyncio.StreamReader(limit=CHUNK_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self._put(name, decoder.decode(data))
            await self._put(name, decoder.decode(b"", final=True))
        finally:
            transport.close()

    async def _put(self, name: str, text: str) -> None:
        if text:
            await self._parts.put({name: text})
            self._read_parts += 1

    async def _until_over(self) -> int:
        """Wait for the command, end what it leaves behind, and wait until its output is read."""
        code = await self._process.wait()
        self._signal(signal.SIGKILL)
        while True:
            before = self._read_parts
            _, listening = await asyncio.wait(self._pumps, timeout=DRAIN_TIMEOUT_S)
            if not listening or (self._read_parts == before and self._parts.empty()):
                break
        for task in listening:
            task.cancel()
        await self._parts.put(None)
        return code


def _file_with(content: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - who gets it closes it
    file.write(content)
    file.seek(0)
    return file

"""A real Redis on loopback, for as long as a test wants one: a server that can be killed, stopped and started again.

Redis is not on PyPI: it comes from the operating system, see `debian`.
"""

import asyncio
import contextlib
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from debian import installed

__all__ = ["HOST", "PASSWORD", "RedisServer", "free_port", "running_redis"]

HOST: Final = "127.0.0.1"
PASSWORD: Final = "a-password-of-the-tests"
START_S: Final = 15.0
STOP_S: Final = 10.0
POLL_S: Final = 0.02


class RedisFailed(Exception):
    """It does not run; the text is what it said."""


class RedisServer:
    """One process, on one port for all of its lives. Nothing is kept on disk: a new life knows nothing."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        self.port = port
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For `HELIOGRAPH_CLUSTER_URL`."""
        return f"redis://:{PASSWORD}@{HOST}:{self.port}/0"

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        program = installed("redis-server", "redis-server")
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / f"redis-{self.port}.log"
        command = [program, "--port", str(self.port), "--bind", HOST, "--dir", str(self._folder)]
        command += ["--save", "", "--appendonly", "no", "--requirepass", PASSWORD, "--masterauth", PASSWORD]
        with log.open("ab") as output:
            self._process = subprocess.Popen([*command, *self._options], stdout=output, stderr=subprocess.STDOUT)  # noqa: ASYNC220 - it is quick
        async with asyncio.timeout(START_S):
            while not await self._answers():
                if self._process.poll() is not None:
                    raise RedisFailed(log.read_text(errors="replace")[-2000:])
                await asyncio.sleep(POLL_S)

    def pause(self) -> None:
        """Let it hang: connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once. Safe to repeat."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(STOP_S)

    async def restart(self) -> None:
        """A new life without any memory of the former."""
        self.kill()
        await self.start()

    async def say(self, *words: str) -> str:
        """What it answers to an inline command, as it is on the wire."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(f"AUTH {PASSWORD}\r\n{' '.join(words)}\r\nQUIT\r\n".encode())
            return (await reader.read()).decode(errors="replace")
        finally:
            writer.close()

    async def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return "+PONG" in await self.say("PING")
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError("redis-server is not running")
        self._process.send_signal(number)


def free_port() -> int:
    """A port that nobody has at the moment."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def running_redis(folder: Path, *options: str) -> AsyncIterator[RedisServer]:
    """A single server."""
    server = RedisServer(folder, free_port(), *options)
    try:
        await server.start()
        yield server
    finally:
        server.kill()

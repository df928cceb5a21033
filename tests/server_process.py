"""A Heliograph server in a process of its own, as an operator would run it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["ServerProcess", "nodes_of_tests", "out_of_service", "running_server"]

NODES = "SERVER_TEST_NODES"
"""How many nodes the servers of the tests have, behind a load balancer."""

DELAY = "HELIOGRAPH_DRAIN_DELAY_S"
"""No test waits for a load balancer that it has not."""

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
LOG_TIMEOUT_S = 20


class ServerProcess:
    """One data directory and one pair of ports, and the server on them: it can be stopped and started again."""

    def __init__(self, data_dir: Path, environ: Mapping[str, str] | None = None) -> None:
        self.http_port = 0
        self.ws_port = 0
        self.log: list[str] = []
        """What it printed, line by line, over all its lives."""
        self._born_at = 0
        self._data_dir = data_dir
        self._environ = {**os.environ, DELAY: "0", **(environ or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._said = asyncio.Condition()

    @property
    def url(self) -> str:
        """Where the page and the HTTP endpoints are."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def ws_url(self) -> str:
        """Where the WebSocket is."""
        return f"ws://127.0.0.1:{self.ws_port}/"

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log events of that name in this life."""
        events = [json.loads(line) for line in self.log[self._born_at :] if line.startswith("{")]
        return [event for event in events if event.get("event") == name]

    async def logs(self, name: str, **fields: Any) -> None:
        """Wait until an event of that name with these fields is in the log of this life."""

        def logged() -> bool:
            return any(fields.items() <= event.items() for event in self.events(name))

        async with asyncio.timeout(LOG_TIMEOUT_S), self._said:
            await self._said.wait_for(logged)

    async def start(self) -> None:
        """Start it, on the ports of its earlier life if it had one, and wait until it listens."""
        listening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._born_at = len(self.log)
        command = [sys.executable, "-m", "heliograph_server", "serve", "--log-format", "json"]
        ports = ["--http-port", str(self.http_port), "--ws-port", str(self.ws_port)]
        self._process = await asyncio.create_subprocess_exec(
            *command,
            *ports,
            "--data-dir",
            str(self._data_dir),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environ,
        )
        self._reader = asyncio.create_task(self._read(self._process, listening))
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await listening
        except BaseException:
            await self.kill()
            raise
        event = self.events("server.listening")[-1]
        self.http_port, self.ws_port = event["http_port"], event["ws_port"]

    async def stop(self) -> int:
        """Ask it to end, and return its exit code. Kills it and raises `TimeoutError` if it does not in time."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it without a chance to put anything in order."""
        await self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it do nothing; its sockets stay open."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        self._signal(signal.SIGCONT)

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    async def close(self) -> None:
        """Stop it if it runs."""
        if self.running:
            await self.stop()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError("The server is not running")
        self._process.send_signal(number)

    async def _end(self, number: signal.Signals) -> int:
        process, reader = self._process, self._reader
        if process is None or reader is None:
            raise RuntimeError("The server is not running")
        self._process = None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                return await process.wait()
        except TimeoutError:
            process.kill()
            raise
        finally:
            await reader

    async def _read(self, process: asyncio.subprocess.Process, listening: asyncio.Future[None]) -> None:
        if process.stdout is None:
            raise RuntimeError("The server's output is not piped")
        async for line in process.stdout:
            async with self._said:
                self.log.append(line.decode().rstrip("\n"))
                self._said.notify_all()
            if '"server.listening"' in self.log[-1] and not listening.done():
                listening.set_result(None)
        if not listening.done():
            listening.set_exception(RuntimeError("The server did not start:\n" + "\n".join(self.log)))


def nodes_of_tests() -> int:
    """How many nodes the servers of the tests have."""
    return int(os.environ.get(NODES, "1"))


@contextlib.asynccontextmanager
async def running_server(data_dir: Path, environ: Mapping[str, str] | None = None) -> AsyncIterator[ServerProcess]:
    """A server with this data directory, on free ports: as many nodes as `SERVER_TEST_NODES` says, or a single one.

    Tests that are about a cluster themselves get what they ask for.
    """
    nodes = nodes_of_tests()
    server = ServerProcess(data_dir, environ)
    if nodes > 1 and "HELIOGRAPH_CLUSTER_URL" not in (environ or {}):
        from server_cluster import ServerCluster

        server = ServerCluster(data_dir, environ, nodes)
    try:
        await server.start()
        yield server
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def out_of_service(server: ServerProcess) -> AsyncIterator[None]:
    """A server that others need too is stopped in there, and started again whatever happens."""
    await server.stop()
    try:
        yield
    finally:
        await server.start()

"""Fixtures of all SDK tests."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from server_cluster import ServerCluster
from server_process import nodes_of_tests

import heliograph

settings.register_profile("heliograph", deadline=None)  # a busy machine is no failure
settings.load_profile("heliograph")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """aiortc runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the programs of the tests, also where the tests run in the background of a script.

    A shell without job control starts what is in the background with SIGINT ignored, and every program inherits that.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


NOWHERE = str(Path(__file__).parent / "no-such-folder")
"""In the place of the folders where a user may have a configuration and an identity."""


def _environment_of_others() -> dict[str, str]:
    """The environment without our own variables, which would change what is tested."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")}
    return {**others, "XDG_CONFIG_HOME": NOWHERE, "XDG_STATE_HOME": NOWHERE}


class ServerProcess:
    """A real server in a process of its own."""

    def __init__(self, data_dir: Path, *options: str, **environment: str) -> None:
        self._data_dir = data_dir
        self._options = options
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.http_port = 0
        self.ws_port = 0
        self.lines: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    async def start(self) -> None:
        """Start; the ports are free ones the first time and the same ones again after that."""
        arguments = [
            "--http-port",
            str(self.http_port),
            "--ws-port",
            str(self.ws_port),
            "--data-dir",
            str(self._data_dir),
        ]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "heliograph_server", "serve", *arguments),
            *("--log-format", "json", "--signin-limit", "0", *self._options),
            stdout=asyncio.subprocess.PIPE,
            env={**_environment_of_others(), **self._environment},
        )
        stdout = self._process.stdout
        assert stdout is not None
        async with asyncio.timeout(30):
            while line := await stdout.readline():
                self.lines.append(line.decode())
                event = msgspec.json.decode(line)
                if event["event"] == "server.listening":
                    self.http_port, self.ws_port = event["http_port"], event["ws_port"]
                    break
            else:
                pytest.fail(f"the server did not start: {self.lines}")
        self._reading = asyncio.create_task(self._read(stdout))

    async def stop(self, *, kill: bool = False) -> None:
        """Stop with SIGTERM, or the hard way."""
        assert self._process is not None
        assert self._reading is not None
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        async with asyncio.timeout(10):
            await self._process.wait()
        await self._reading

    async def close(self) -> None:
        """Stop it if it runs."""
        if self._process is not None and self._process.returncode is None:
            await self.stop()

    def pause(self) -> None:
        """Let it do nothing any more, until it is stopped; its sockets stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        async for line in stdout:
            self.lines.append(line.decode())


class SeveralNodes:
    """To a test the same as a `ServerProcess`, but several nodes behind a load balancer."""

    def __init__(self, data_dir: Path, *options: str, **environment: str) -> None:
        self._data_dir = data_dir
        names = (f"HELIOGRAPH_{option.removeprefix('--').replace('-', '_').upper()}" for option in options[::2])
        settings = {"HELIOGRAPH_SIGNIN_LIMIT": "0", **dict(zip(names, options[1::2], strict=True))}
        others = {"XDG_CONFIG_HOME": NOWHERE, "XDG_STATE_HOME": NOWHERE}
        self._cluster = ServerCluster(data_dir, {**others, **settings, **environment}, nodes_of_tests())

    @property
    def url(self) -> str:
        return self._cluster.url

    @property
    def http_port(self) -> int:
        return self._cluster.http_port

    @property
    def ws_port(self) -> int:
        return self._cluster.ws_port

    @property
    def lines(self) -> list[str]:
        return self._cluster.log

    async def start(self) -> None:
        await self._cluster.start()

    async def stop(self, *, kill: bool = False) -> None:
        await (self._cluster.kill() if kill else self._cluster.stop())

    async def close(self) -> None:
        await self._cluster.close()

    def pause(self) -> None:
        self._cluster.pause()


@asynccontextmanager
async def _running(data_dir: Path, *options: str, **environment: str) -> AsyncIterator[Any]:
    kind: Any = ServerProcess if nodes_of_tests() == 1 else SeveralNodes
    process = kind(data_dir, *options, **environment)
    try:
        await process.start()
        yield process
    finally:
        await process.close()


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """A running server, the same one for all tests."""
    async with _running(tmp_path_factory.mktemp("server")) as process:
        yield process


@pytest.fixture
async def mortal_server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A running server for one test alone, which may stop and start it."""
    async with _running(tmp_path / "server") as process:
        yield process


@pytest.fixture
async def fast_server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A running server that takes any number of messages a second."""
    async with _running(tmp_path / "server", "--rate-limit", "1000000") as process:
        yield process


@pytest.fixture(scope="session")
def server_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Run a server with these options and variables: an async context manager that gives the `ServerProcess`."""

    def run(*options: str, **environment: str) -> AbstractAsyncContextManager[ServerProcess]:
        return _running(tmp_path_factory.mktemp("server"), *options, **environment)

    return run


@pytest.fixture
async def room(server: ServerProcess) -> heliograph.Room:
    """A room on the running server."""
    return await heliograph.create_room(server.url)


@pytest.fixture
def make_echo_worker() -> Callable[[str, heliograph.Room], heliograph.Worker]:
    """Make a worker that echoes chats, not entered yet."""
    return _echo_worker


@pytest.fixture
async def echo_worker(server: ServerProcess, room: heliograph.Room) -> heliograph.Worker:
    """A worker in that room that echoes chats, not entered yet."""
    return _echo_worker(server.url, room)


def _echo_worker(url: str, room: heliograph.Room) -> heliograph.Worker:
    worker = heliograph.Worker(url, room=room.room_id, token=room.token, peer_id="Worker-1")

    @worker.on_channel("chat")
    async def echo(channel: heliograph.Channel) -> None:
        async for message in channel:
            await channel.send(message)

    return worker


@asynccontextmanager
async def _program(
    *arguments: str, terminal: int | None = None, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE if terminal is None else terminal,
        stdout=asyncio.subprocess.PIPE if terminal is None else terminal,
        stderr=asyncio.subprocess.PIPE if terminal is None else terminal,
        env={**_environment_of_others(), "PYTHONUNBUFFERED": "1", **environment},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def program() -> Callable[..., Any]:
    """Run a Python program: an async context manager that gives the process and leaves none behind.

    Its input and output are pipes, or the `terminal` whose descriptor is given.
    """
    return _program


async def _in_room(peer_id: str, peers: Callable[[], Awaitable[list[str]]]) -> None:
    async with asyncio.timeout(30):
        while peer_id not in await peers():  # noqa: ASYNC110 - level 1 announces nobody: one has to ask
            await asyncio.sleep(0.05)


@pytest.fixture
def in_room() -> Callable[[str, Callable[[], Awaitable[list[str]]]], Awaitable[None]]:
    """Wait until a peer is in the room."""
    return _in_room

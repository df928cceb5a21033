"""A real Redis on loopback, for as long as a test wants one: a server that can be killed, stopped and started again.

Redis is not on PyPI: it comes from the operating system, see `debian`.
"""

import asyncio
import contextlib
import signal
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from debian import installed

__all__ = [
    "HOST",
    "PASSWORD",
    "SENTINEL_PASSWORD",
    "RedisServer",
    "Tls",
    "free_port",
    "running_redis",
    "running_replicas",
    "running_shards",
]

HOST: Final = "127.0.0.1"
PASSWORD: Final = "a-password-of-the-tests"
SENTINEL_PASSWORD: Final = "another-of-the-sentinels"
SENTINEL_NAME: Final = "primary"
START_S: Final = 15.0
STOP_S: Final = 10.0
POLL_S: Final = 0.02


class RedisFailed(Exception):
    """It does not run; the text is what it said."""


class Tls(NamedTuple):
    """A server's certificate and its key, who has issued it, and a client that trusts that one alone."""

    chain: Path
    key: Path
    ca: Path
    trusting: ssl.SSLContext


class RedisServer:
    """One process, on one port for all of its lives. Nothing is kept on disk: a new life knows nothing."""

    def __init__(self, folder: Path, port: int, *options: str, tls: Tls | None = None) -> None:
        self.port = port
        self._folder = folder
        self._tls = tls
        self._options = [*options, *(_secured(tls, port) if tls else ["--port", str(port)])]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For `HELIOGRAPH_CLUSTER_URL`."""
        return f"{'rediss' if self._tls else 'redis'}://:{PASSWORD}@{HOST}:{self.port}/0"

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        program = installed("redis-server", "redis-server")
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / f"redis-{self.port}.log"
        command = [program, "--bind", HOST, "--dir", str(self._folder)]
        command += ["--save", "", "--appendonly", "no", "--requirepass", PASSWORD, "--masterauth", PASSWORD]
        with log.open("ab") as output:
            self._process = subprocess.Popen([*command, *self._options], stdout=output, stderr=subprocess.STDOUT)  # noqa: ASYNC220 - it is quick
        process = self._process

        async def up() -> bool:
            if process.poll() is not None:
                raise RedisFailed(log.read_text(errors="replace")[-2000:])
            return await self._answers()

        await _until(up)

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
        reader, writer = await asyncio.open_connection(HOST, self.port, ssl=self._tls.trusting if self._tls else None)
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
async def running_redis(folder: Path, *options: str, tls: Tls | None = None) -> AsyncIterator[RedisServer]:
    """A single server; with `tls` it speaks nothing else."""
    server = RedisServer(folder, free_port(), *options, tls=tls)
    try:
        await server.start()
        yield server
    finally:
        server.kill()


@contextlib.asynccontextmanager
async def running_shards(
    folder: Path, count: int = 3, *, tls: Tls | None = None
) -> AsyncIterator[tuple[str, list[RedisServer]]]:
    """A cluster of so many primaries, and its URL."""
    async with contextlib.AsyncExitStack() as stack:
        servers = []
        for number in range(count):
            options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", str(free_port())]
            options += ["--tls-cluster", "yes"] if tls else []
            servers.append(await stack.enter_async_context(running_redis(folder / str(number), *options, tls=tls)))
        nodes = [f"{HOST}:{server.port}" for server in servers]
        program = installed("redis-cli", "redis-tools")
        joining = await asyncio.create_subprocess_exec(
            *(program, "-a", PASSWORD, "--no-auth-warning", *(("--tls", "--cacert", str(tls.ca)) if tls else ())),
            *("--cluster", "create", *nodes, "--cluster-yes"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await joining.communicate()
        if joining.returncode != 0:
            raise RedisFailed(said.decode(errors="replace")[-2000:])
        for server in servers:
            await _until(partial(_said, server, ("CLUSTER", "INFO"), "cluster_state:ok"))
        yield f"{'rediss' if tls else 'redis'}+cluster://:{PASSWORD}@{','.join(nodes)}", servers


@contextlib.asynccontextmanager
async def running_replicas(
    folder: Path, *, tls: Tls | None = None
) -> AsyncIterator[tuple[str, RedisServer, RedisServer]]:
    """A primary, a replica of it, and three Sentinels that let the replica take over; the URL of it all.

    With `tls` all of them speak nothing else, and the Sentinels want a password of their own.
    """
    async with contextlib.AsyncExitStack() as stack:
        primary = await stack.enter_async_context(running_redis(folder / "primary", tls=tls))
        following = ["--replicaof", f"{HOST} {primary.port}"]
        replica = await stack.enter_async_context(running_redis(folder / "replica", *following, tls=tls))
        await _until(partial(_said, replica, ("INFO", "replication"), "master_link_status:up"))
        ports = [await stack.enter_async_context(_running_sentinel(folder / str(n), primary, tls)) for n in range(3)]
        for port in ports:
            await _until(partial(_sees_all, port, tls))
        hosts = ",".join(f"{HOST}:{port}" for port in ports)
        query = f"?sentinel_password={SENTINEL_PASSWORD}" if tls else ""
        yield (
            f"{'rediss' if tls else 'redis'}+sentinel://:{PASSWORD}@{hosts}/{SENTINEL_NAME}{query}",
            primary,
            replica,
        )


def _secured(tls: Tls, port: int) -> list[str]:
    files = ["--tls-cert-file", str(tls.chain), "--tls-key-file", str(tls.key), "--tls-ca-cert-file", str(tls.ca)]
    return ["--port", "0", "--tls-port", str(port), *files, "--tls-auth-clients", "no", "--tls-replication", "yes"]


def _lines(options: list[str]) -> str:
    """Options of the command line as they are in a file."""
    pairs = iter(options)
    return "".join(f"{name.removeprefix('--')} {value}\n" for name, value in zip(pairs, pairs, strict=True))


@contextlib.asynccontextmanager
async def _running_sentinel(folder: Path, primary: RedisServer, tls: Tls | None) -> AsyncIterator[int]:
    port = free_port()
    config = folder / "sentinel.conf"
    password = f"requirepass {SENTINEL_PASSWORD}\nsentinel sentinel-pass {SENTINEL_PASSWORD}\n" if tls else ""
    _write(
        config,
        f"{_lines(_secured(tls, port)) if tls else f'port {port}'}\n{password}bind {HOST}\ndir {folder}\n"
        f"sentinel monitor {SENTINEL_NAME} {HOST} {primary.port} 2\n"
        f"sentinel auth-pass {SENTINEL_NAME} {PASSWORD}\n"
        f"sentinel down-after-milliseconds {SENTINEL_NAME} 1000\n"
        f"sentinel failover-timeout {SENTINEL_NAME} 5000\n",
    )
    program = installed("redis-server", "redis-server")
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - it is quick
            [program, str(config), "--sentinel"], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield port
    finally:
        process.kill()
        process.wait(STOP_S)


def _write(config: Path, text: str) -> None:
    config.parent.mkdir(parents=True)
    config.write_text(text)


async def _said(server: RedisServer, words: tuple[str, ...], hoped_for: str) -> bool:
    return hoped_for in await server.say(*words)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(START_S):
        while not await condition():  # noqa: ASYNC110 - it is about another process
            await asyncio.sleep(POLL_S)


async def _sees_all(port: int, tls: Tls | None) -> bool:
    """Whether a Sentinel knows the two other ones and the replica."""
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection(HOST, port, ssl=tls.trusting if tls else None)
        try:
            if tls:
                writer.write(f"AUTH {SENTINEL_PASSWORD}\r\n".encode())
                await reader.readline()
            writer.write(f"SENTINEL CKQUORUM {SENTINEL_NAME}\r\nSENTINEL REPLICAS {SENTINEL_NAME}\r\n".encode())
            quorum, replicas = await reader.readline(), await reader.readline()
            return quorum.startswith(b"+OK 3") and replicas == b"*1\r\n"
        finally:
            writer.close()
    return False

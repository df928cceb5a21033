"""Sockets, uvicorn, signals: from settings to a running server, and to its end."""

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

import structlog
import uvicorn
from msgspec.structs import replace

from heliograph_server.app import Application
from heliograph_server.arrivals import take_arrivals
from heliograph_server.cluster.node import ClusterNode
from heliograph_server.cluster.siblings import Siblings
from heliograph_server.settings import Settings
from heliograph_server.transport.tls import Certificate
from heliograph_server.transport.uvicorn_options import websocket_options

__all__ = ["LISTENING", "Listeners", "PortTaken", "run", "serve"]

DRAIN_TIMEOUT_S: Final = 3
"""How long open connections may take to end after SIGTERM; the process is gone within 5 s."""
BACKLOG: Final = 2048

LISTENING: Final = b"L"
"""What a worker says when it listens."""

GC_THRESHOLD: Final = 10_000
"""New objects until the collector looks for rings among them. A peer brings some hundred that stay, and no ring."""

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class PortTaken(Exception):
    """Someone else listens there, or this process may not."""


class Listeners:
    """The bound sockets: one for each of the two ports, or a single one if both are the same."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self.sockets = sockets

    @classmethod
    def bind(cls, settings: Settings, *, move_if_taken: bool = False, shared: bool = False) -> "Listeners":
        """Take the ports of the settings; port 0, or `move_if_taken` for a taken one, means any free one.

        With `shared`, other sockets of the same user that were bound so may have the same ports (`SO_REUSEPORT`).
        Raises `PortTaken`.
        """
        ports = [settings.http_port, settings.ws_port]
        if ports[0] == ports[1] != 0:
            ports.pop()
        sockets: list[socket.socket] = []
        try:
            for port in ports:
                try:
                    sockets.append(_listen(settings.host, port, shared=shared))
                except PortTaken:
                    if not move_if_taken:
                        raise
                    sockets.append(_listen(settings.host, 0, shared=shared))
        except PortTaken:
            for bound in sockets:
                bound.close()
            raise
        return cls(sockets)

    @classmethod
    def bind_shared(cls, settings: Settings, count: int) -> list["Listeners"]:
        """Take the ports of the settings for several processes, each with sockets of its own where the kernel spreads
        connections over those (Linux), and with the same ones elsewhere.

        Raises `PortTaken`.
        """
        if not sys.platform.startswith("linux"):
            return [cls.bind(settings)] * count
        first = cls.bind(settings, shared=True)
        ports = replace(settings, http_port=first.http_port, ws_port=first.ws_port)
        return [first, *(cls.bind(ports, shared=True) for _ in range(count - 1))]

    @property
    def http_port(self) -> int:
        """The port that took `http_port`'s place."""
        return _port(self.sockets[0])

    @property
    def ws_port(self) -> int:
        """The port that took `ws_port`'s place."""
        return _port(self.sockets[-1])


def _port(bound: socket.socket) -> int:
    port: int = bound.getsockname()[1]
    return port


def _listen(host: str, port: int, *, shared: bool) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.bind(address)
            bound.listen(BACKLOG)
            bound.setblocking(False)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        why = "the port is taken" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
        raise PortTaken(f"cannot listen on {host} port {port}: {why}") from error
    return bound


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: ours ends it, and the process exits with a code, not by the signal."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class _Ending:
    """How a server ends: all are told, a node of a cluster hands its rooms over, then the connections close.

    A node of a cluster is not ready for a while before that, and serves all the same: a load balancer finds that out by
    and by, and who comes through it must not find the node gone meanwhile.
    """

    def __init__(self, application: Application, server: _Server) -> None:
        self._application = application
        self._server = server
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """It is to end. Once more changes nothing."""
        if self._begun.is_set():
            return
        self._begun.set()
        application = self._application
        application.readiness.draining = True
        if application.cluster is None:
            application.hub.announce_drain(DRAIN_TIMEOUT_S)
            self._server.should_exit = True

    async def drain(self, cluster: ClusterNode) -> None:
        """Wait for the end to begin, and until balancers know of it, and hand over what this node has."""
        await self._begun.wait()
        delay_s = self._application.settings.drain_delay_s
        _log.info("server.ending", drain_delay_s=delay_s)
        try:
            await asyncio.sleep(delay_s)
            cluster.begin_drain()
            await cluster.drain()
        finally:
            self._server.should_exit = True


async def serve(
    application: Application,
    listeners: Listeners,
    *,
    while_up: Callable[[], Awaitable[None]] | None = None,
    siblings: Siblings | None = None,
    lifeline: int | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, or until `while_up`, which starts once the server listens, is done.

    A worker has `siblings`, from which it takes connections. It says through the descriptor `lifeline` that it listens,
    and ends when that is closed at its other end. At the end open WebSockets are closed with 1012; a node of
    a cluster hands its rooms over before that. Raises `StoreUnavailable` if the rooms can't be used at all, and
    `CertificateError`.
    """
    certificate = _certificate(application.settings)
    await application.check()
    config = uvicorn.Config(
        application.asgi,
        **websocket_options(application.settings.transport),
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_TIMEOUT_S,
        ssl_context_factory=None if certificate is None else lambda _config, _default: certificate.context,
    )
    server = _Server(config)
    ending = _Ending(application, server)
    stop = ending.begin
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    if lifeline is not None:

        def orphaned() -> None:
            loop.remove_reader(lifeline)  # it would be ready again and again while the end takes its time
            stop()

        loop.add_reader(lifeline, orphaned)
    ports = {"http_port": listeners.http_port, "ws_port": listeners.ws_port}

    async def accompany() -> None:
        await server.listening.wait()
        if siblings is not None and certificate is None:
            take_arrivals(application, siblings, config, server.server_state)
        _log.info("server.listening", **ports, tls=certificate is not None)
        if lifeline is not None:
            os.write(lifeline, LISTENING)
        if while_up is not None:
            try:
                await while_up()
            finally:
                stop()

    try:
        async with asyncio.TaskGroup() as tasks:
            companions = [tasks.create_task(accompany())]
            if certificate is not None:
                companions.append(tasks.create_task(certificate.watch()))
            if application.cluster is not None:
                companions.append(tasks.create_task(ending.drain(application.cluster)))
            await server.serve(sockets=listeners.sockets)
            for companion in companions:
                companion.cancel()
    finally:
        if siblings is not None:
            siblings.close()
        if lifeline is not None:
            loop.remove_reader(lifeline)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    _log.info("server.stopped")


def _certificate(settings: Settings) -> Certificate | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Certificate(settings.tls_cert, settings.tls_key)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        factory = None
    else:
        # libuv sends each change of what epoll watches through an io_uring, which for one change at a time takes longer
        # than the system call: a tenth of what it takes to let a peer in. There is no other switch.
        os.environ.setdefault("UV_USE_IO_URING", "0")
        factory = uvloop.new_event_loop
    gc.collect()
    gc.freeze()  # what there is now stays
    gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)

"""A small application behind uvicorn's own protocol classes, served by one transport or the other."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from heliograph_server.transport.connection import Connection
from heliograph_server.transport.handshake import Accepted, Doorway, Opening, Refused
from heliograph_server.transport.uvicorn_options import websocket_options
from heliograph_server.transport.vestibule import FindPlace

from .wire import WAIT_S, Peer, accepted, connect

__all__ = ["Served", "Talk", "eventually", "serving"]


class Talk:
    """A conversation that keeps what it hears and, unless told otherwise, says it back."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.received: list[bytes] = []
        self.ends = 0
        self.over = asyncio.Event()
        self.answer: Callable[[bytes], Awaitable[None] | None] = self._echo

    def receive(self, frame: bytes) -> Awaitable[None] | None:
        self.received.append(frame)
        assert not self.connection.closed
        assert self.ends == 0
        return self.answer(frame)

    def disconnected(self) -> None:
        assert self.connection.closed
        self.ends += 1
        self.over.set()

    async def ended(self) -> None:
        """Wait for the end, and see that it comes once."""
        async with asyncio.timeout(WAIT_S):
            await self.over.wait()
        await asyncio.sleep(0)
        assert self.ends == 1

    def _echo(self, frame: bytes) -> None:
        self.connection.send(frame)


class Served:
    """The application, and what it has seen."""

    def __init__(self, port: int, state: ServerState, tls: ssl.SSLContext | None) -> None:
        self.port = port
        self.state = state
        self.config: Any = None
        self.talks: list[Talk] = []
        self.openings: list[Opening] = []
        self.find_place: FindPlace | None = None
        self._tls = tls

    @asynccontextmanager
    async def tcp(self) -> AsyncIterator[Peer]:
        """A connection that has said nothing yet."""
        async with connect(self.port, self._tls) as peer:
            yield peer

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[tuple[Peer, Talk]]:
        """An open WebSocket, both its ends."""
        async with self.tcp() as peer:
            assert accepted(await peer.handshake())
            await eventually(lambda: bool(self.talks))
            yield peer, self.talks[-1]

    def decide(self, opening: Opening) -> Accepted | Refused:
        """`/no` is refused, `/chat` is a subprotocol, all else is a plain WebSocket."""
        self.openings.append(opening)
        if opening.path == "/no":
            return Refused(HTTPStatus.PAYMENT_REQUIRED, "no entry today")
        return Accepted(self.converse, "chat" if opening.path == "/chat" else None, self.find_place)

    def converse(self, connection: Connection) -> Talk:
        talk = Talk(connection)
        self.talks.append(talk)
        return talk


async def other(scope: Any, receive: Any, send: Any) -> None:
    """What there is beside WebSockets."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()[:5].ljust(5)})


@asynccontextmanager
async def serving(
    transport: Any, *, tls: ssl.SSLContext | None = None, trust: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[Served]:
    """Serve without uvicorn's `Server`, whose start and end take longer than most tests."""
    state = ServerState()
    served = Served(0, state, trust)
    config = uvicorn.Config(
        Doorway(other, served.decide), interface="asgi3", log_config=None, **(websocket_options(transport) | options)
    )
    config.load()
    served.config = config
    loop = asyncio.get_running_loop()

    def protocol() -> Any:
        http: Any = config.http_protocol_class
        return http(config=config, server_state=state, app_state={})

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
            transport_of: Any = connection.transport
            transport_of.abort()
        await eventually(lambda: not state.connections and not state.tasks)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)

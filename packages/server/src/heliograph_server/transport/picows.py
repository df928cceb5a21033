"""The fast lane: a WebSocket protocol class for uvicorn over picows, a parser and writer of frames in C.

A connection comes here when it asks for a WebSocket. The application's `Doorway` is asked at once, without a task or an
ASGI message. Then picows is the protocol of the TCP connection, and calls `PicowsConnection` with each frame. No task
and no queue is between the socket and the conversation, and of the request nothing is kept.
"""

import asyncio
from asyncio.transports import BaseTransport, Transport
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import unquote

import uvicorn
from picows import WSAutoPingStrategy, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined] # the stubs leave it out
from uvicorn.server import ServerState

from heliograph_server.transport.connection import CLOSE_TIMEOUT_S, Converse
from heliograph_server.transport.handshake import Accepted, Doorway, Opening, Refused
from heliograph_server.transport.picows_connection import PicowsConnection
from heliograph_server.transport.upgrade import Refusal, Upgrade, answer, read_upgrade
from heliograph_server.transport.vestibule import Vestibule

__all__ = ["PicowsWebSocket", "go_on"]

READ_BUFFER_BYTES = 2048
"""What picows takes at least; it grows with the messages that arrive."""

_SOME_KEY: Final = b"AAAAAAAAAAAAAAAAAAAAAA=="
"""For a handshake that nobody sees."""


class _Answer(WSUpgradeResponse):
    """What picows answers to a request: what it makes of responses otherwise takes as long as all that it has to do."""

    __slots__ = ("_subprotocol",)

    def __init__(self, subprotocol: str | None) -> None:
        self.status = HTTPStatus.SWITCHING_PROTOCOLS
        self.headers = cast("Any", {})
        self._subprotocol = subprotocol

    def to_bytes(self) -> bytearray:
        """picows has put its proof that it has read the request among the headers."""
        return bytearray(answer(self.headers["Sec-WebSocket-Accept"].encode(), self._subprotocol))


class _NoAnswer(_Answer):
    """What it answers to a peer that has had its answer."""

    def to_bytes(self) -> bytearray:
        return bytearray()


class PicowsWebSocket(asyncio.Protocol):
    """What `uvicorn.Config(ws=…)` takes. The application that is served must be a `Doorway`."""

    __slots__ = ("_answered", "_config", "_server", "transport")

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        _app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.transport: Transport = cast("Transport", None)
        self._config = config
        self._server = server_state
        self._answered = False

    def connection_made(self, transport: BaseTransport) -> None:
        """The connection is handed over."""
        self.transport = cast("Transport", transport)

    def data_received(self, data: bytes) -> None:
        """The head of the request, whole; and after a refusal, whatever else is said."""
        if self._answered:
            return
        self._answered = True
        try:
            upgrade = read_upgrade(data)
        except Refusal as refusal:
            self._respond(refusal.status, refusal.headers, str(refusal).encode())
            return
        decide = cast("Doorway", self._config.app).decide
        path = unquote(upgrade.target.partition(b"?")[0].decode("latin-1"))
        match decide(Opening(path, upgrade.headers, upgrade.subprotocols)):
            case Accepted() as accepted:
                self._accept(upgrade, accepted)
            case Refused(status, reason):
                self._respond(status, [(b"content-type", b"text/plain; charset=utf-8")], reason.encode())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever ended it
        """A TCP connection that was refused is gone (asyncio.Protocol)."""
        self._server.connections.discard(cast("Any", self))

    def shutdown(self) -> None:
        """uvicorn ends: what was refused is on its way out already."""

    def _respond(self, status: HTTPStatus, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Answer with something other than a WebSocket, and hang up."""
        if self.transport.is_closing():
            return
        self._server.connections.add(cast("Any", self))
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}".encode(),
            b"date: " + formatdate(usegmt=True).encode(),
            b"connection: close",
            b"content-length: " + str(len(body)).encode(),
            *(name + b": " + value for name, value in headers),
        ]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()
        asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self.transport.abort)

    def _accept(self, upgrade: Upgrade, accepted: Accepted) -> None:
        if self.transport.is_closing():
            return
        if accepted.find_place is None or self.transport.get_extra_info("ssl_object") is not None:
            response = _Answer(accepted.subprotocol)
            _open(self.transport, self._server, self._config, accepted.converse, key=upgrade.key, response=response)
            return
        stay = partial(go_on, self.transport, self._server, self._config, accepted.converse)
        Vestibule(self.transport, self._server, accepted.find_place, stay).open(upgrade.key, accepted.subprotocol)


def go_on(
    transport: Transport, server: ServerState, config: uvicorn.Config, converse: Converse, said: bytes
) -> PicowsConnection:
    """Begin the conversation of a WebSocket that has had the answer to its handshake, and has said this since."""
    connection, protocol = _open(transport, server, config, converse, key=_SOME_KEY, response=_NoAnswer(None))
    connection.take(protocol, said)
    return connection


def _open(
    transport: Transport,
    server: ServerState,
    config: uvicorn.Config,
    converse: Converse,
    *,
    key: bytes,
    response: _Answer,
) -> tuple[PicowsConnection, Any]:
    """Begin a conversation; and the protocol of picows that it goes through."""
    connection = PicowsConnection(
        transport,
        server,
        ping_interval_s=config.ws_ping_interval or 0,
        pong_timeout_s=config.ws_ping_timeout or 0,
    )
    protocol = WSProtocol(
        host_port=None,
        ws_path=None,
        is_client_side=False,
        ws_listener_factory=lambda _: WSUpgradeResponseWithListener(response, connection),
        logger=connection.host,
        disconnect_on_exception=True,
        websocket_handshake_timeout=None,
        enable_auto_ping=False,
        auto_ping_idle_timeout=0,
        auto_ping_reply_timeout=0,
        auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
        enable_auto_pong=False,
        max_frame_size=config.ws_max_size,
        extra_headers=None,
        read_buffer_init_size=READ_BUFFER_BYTES,
    )
    connection.open(protocol, _request(key), converse)
    return connection, protocol


def _request(key: bytes) -> bytes:
    """What picows has to see: a request of which only the key is left."""
    return (
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )

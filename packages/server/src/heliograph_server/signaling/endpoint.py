"""The WebSocket route: who may connect, and the session of those who do."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.types import Receive, Send

from heliograph_server.settings import Settings
from heliograph_server.signaling.session import Session, SessionContext
from heliograph_server.transport.connection import Connection
from heliograph_server.transport.handshake import accept, refuse

__all__ = ["signaling_endpoint"]


class _RawWebSocket(WebSocket[Any, Any, Any]):
    """Litestar's WebSocket with the server's own `receive` and `send`: the transport keeps the state itself."""

    def receive_wrapper(self, receive: Receive) -> Receive:
        return receive

    def send_wrapper(self, send: Send) -> Send:
        return send


@websocket(["/", "/ws"], websocket_class=_RawWebSocket)
async def signaling_endpoint(
    socket: WebSocket[Any, Any, Any], sessions: NamedDependency[SessionContext], settings: NamedDependency[Settings]
) -> None:
    """Serve one peer. A page of an origin that is not allowed is refused before the handshake is done (403)."""
    handshake = socket.scope, socket.receive, socket.send
    if not _origin_allowed(socket, settings.allowed_origins):
        await refuse(*handshake, HTTPStatus.FORBIDDEN, "origin not allowed")
        return

    def converse(connection: Connection) -> Session:
        return Session(connection, sessions)

    await accept(*handshake, converse)


def _origin_allowed(socket: WebSocket[Any, Any, Any], allowed: tuple[str, ...]) -> bool:
    """Whether the handshake's Origin (RFC 6454) may connect.

    Programs send none. Without a list any page may connect: every message is authorised by tokens that a page has to
    hold, never by a cookie that a browser adds. With one, the server's own page may too.
    """
    origin = socket.headers.get("origin")
    if not allowed or origin is None:
        return True
    return origin in allowed or urlsplit(origin).netloc == socket.headers.get("host")

"""The WebSocket route: one connection, one session, from the handshake to the clean-up."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.types import Receive, Send

from heliograph_server.settings import Settings
from heliograph_server.signaling.session import REGISTER_TIMEOUT_S, Session, SessionContext
from heliograph_server.transport.asgi import AsgiConnection

__all__ = ["signaling_endpoint"]


class _RawWebSocket(WebSocket[Any, Any, Any]):
    """Litestar's WebSocket with the server's own `receive` and `send`: `AsgiConnection` keeps the state itself."""

    def receive_wrapper(self, receive: Receive) -> Receive:
        return receive

    def send_wrapper(self, send: Send) -> Send:
        return send


@websocket(["/", "/ws"], websocket_class=_RawWebSocket)
async def signaling_endpoint(
    socket: WebSocket[Any, Any, Any], sessions: NamedDependency[SessionContext], settings: NamedDependency[Settings]
) -> None:
    """Serve one peer. A page of an origin that is not allowed is refused before the handshake is done (403)."""
    if not _origin_allowed(socket, settings.allowed_origins):
        await socket.receive()
        await socket.send({"type": "websocket.close", "code": 1008, "reason": "origin not allowed"})
        return
    await socket.accept()
    connection = AsgiConnection(socket.receive, socket.send)
    session = Session(connection, sessions)
    deadline = asyncio.get_running_loop().call_later(REGISTER_TIMEOUT_S, session.registration_timed_out)
    sessions.metrics.connections += 1
    try:
        await connection.run(session.receive)
    finally:
        sessions.metrics.connections -= 1
        deadline.cancel()
        session.disconnected()


def _origin_allowed(socket: WebSocket[Any, Any, Any], allowed: tuple[str, ...]) -> bool:
    """Whether the handshake's Origin (RFC 6454) may connect.

    Programs send none. Without a list any page may connect: every message is authorised by tokens that a page has to
    hold, never by a cookie that a browser adds. With one, the server's own page may too.
    """
    origin = socket.headers.get("origin")
    if not allowed or origin is None:
        return True
    return origin in allowed or urlsplit(origin).netloc == socket.headers.get("host")

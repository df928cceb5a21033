"""The WebSocket paths: who may connect, and the session of those who do."""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from heliograph_server.signaling.session import Session, SessionContext
from heliograph_server.transport.connection import Connection
from heliograph_server.transport.handshake import accept, refuse

__all__ = ["PATHS", "Doorway"]

PATHS: Final = frozenset({"", "/ws"})
"""A slash at the end makes no difference."""


class Doorway:
    """An ASGI application: WebSockets on `PATHS` come in here, everything else goes on to `app`.

    It stands in front of Litestar because a peer that only wants to register needs nothing of it: routing, dependencies
    and exception handlers cost a connection more than its handshake does.
    """

    def __init__(self, app: ASGIApp, sessions: SessionContext, allowed_origins: tuple[str, ...]) -> None:
        self._app = app
        self._sessions = sessions
        self._allowed_origins = allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one peer, or hand on. A page of an origin that is not allowed is refused before the handshake (403)."""
        if scope["type"] != ScopeType.WEBSOCKET or _path(scope) not in PATHS:
            await self._app(scope, receive, send)
        elif not _origin_allowed(dict(scope["headers"]), self._allowed_origins):
            await refuse(scope, receive, send, HTTPStatus.FORBIDDEN, "origin not allowed")
        else:
            await accept(scope, receive, send, self._converse)

    def _converse(self, connection: Connection) -> Session:
        return Session(connection, self._sessions)


def _path(scope: Scope) -> str:
    """The path within this application."""
    return scope["path"].removeprefix(scope.get("root_path", "")).rstrip("/")


def _origin_allowed(headers: dict[bytes, bytes], allowed: tuple[str, ...]) -> bool:
    """Whether the handshake's Origin (RFC 6454) may connect.

    Programs send none. Without a list any page may connect: every message is authorised by tokens that a page has to
    hold, never by a cookie that a browser adds. With one, the server's own page may too.
    """
    if not allowed or b"origin" not in headers:
        return True
    origin = headers[b"origin"].decode("latin-1")
    return origin in allowed or urlsplit(origin).netloc.encode("latin-1") == headers.get(b"host")

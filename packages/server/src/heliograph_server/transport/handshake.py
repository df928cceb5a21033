"""The opening handshake as the application sees it: a request, let in or refused (RFC 6455 section 4.2.2)."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

from heliograph_server.transport.asgi import AsgiConnection
from heliograph_server.transport.connection import Converse
from heliograph_server.transport.vestibule import FindPlace

__all__ = ["Accepted", "Decide", "Doorway", "Opening", "Refused"]

_REFUSALS: Final = "websocket.http.response"
"""ASGI's extension for a refusal with a status and a body."""


class Opening(Struct, frozen=True):
    """A request to open a WebSocket."""

    path: str
    """Decoded, without the query."""
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case."""
    subprotocols: Sequence[str] = ()
    """What the client offers, in its order."""


class Accepted(Struct, frozen=True):
    """The WebSocket opens, and this conversation begins."""

    converse: Converse
    subprotocol: str | None = None
    find_place: FindPlace | None = None
    """Where there are several processes on this machine: which of them the peer belongs to."""


class Refused(Struct, frozen=True):
    """The answer is an HTTP status and a line of text."""

    status: HTTPStatus
    reason: str


Decide = Callable[[Opening], Accepted | Refused]
"""Says at once what becomes of a request."""


class Doorway:
    """The ASGI application that a server serves: `decide` answers whoever asks for a WebSocket, `app` everything else.

    It stands in front of Litestar, because a peer that only wants to register needs nothing of it: routing,
    dependencies and exception handlers take longer than the handshake does. Our own transport asks `decide` itself; on
    any other ASGI server messages pass through `receive` and `send`.
    """

    def __init__(self, app: ASGIApp, decide: Decide) -> None:
        self._app = app
        self.decide = decide

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != ScopeType.WEBSOCKET:
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        match self.decide(Opening(path, list(scope["headers"]), scope["subprotocols"])):
            case Accepted(converse, subprotocol, _):
                await receive()
                await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
                connection = AsgiConnection(receive, send)
                await connection.run(converse(connection))
            case Refused(status, reason):
                await receive()
                await _refuse(send, status, reason, in_words=_REFUSALS in (scope.get("extensions") or {}))


async def _refuse(send: Send, status: HTTPStatus, reason: str, *, in_words: bool) -> None:
    if not in_words:
        await send({"type": "websocket.close", "code": 1008, "reason": reason})  # a 403 without words
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "websocket.http.response.start", "status": int(status), "headers": headers})
    await send({"type": "websocket.http.response.body", "body": reason.encode(), "more_body": False})

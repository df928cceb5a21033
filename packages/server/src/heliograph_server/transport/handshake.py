"""The end of the opening handshake (RFC 6455 section 4.2.2): an ASGI application accepts a WebSocket, or refuses it.

A server that offers the extension `LANE` in the scope takes the connection over altogether: the application returns,
and messages go straight from the socket to the conversation, with no task of their own. On any other ASGI server they
pass through `receive` and `send`.
"""

from http import HTTPStatus
from typing import Any, Final

from litestar.types import Receive, Scope, Send

from heliograph_server.transport.asgi import AsgiConnection
from heliograph_server.transport.connection import Converse

__all__ = ["LANE", "accept", "refuse"]

LANE: Final = "heliograph.lane"
"""An ASGI extension: `extensions[LANE]["accept"](converse, subprotocol)` accepts the WebSocket. Call it once."""

_REFUSALS: Final = "websocket.http.response"
"""ASGI's extension for a refusal with a status and a body."""


async def accept(
    scope: Scope, receive: Receive, send: Send, converse: Converse, *, subprotocol: str | None = None
) -> None:
    """Open the connection and hold the conversation, here or, with `LANE`, after this has returned."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    if LANE in extensions:
        extensions[LANE]["accept"](converse, subprotocol)
        return
    await receive()
    await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
    connection = AsgiConnection(receive, send)
    await connection.run(converse(connection))


async def refuse(scope: Scope, receive: Receive, send: Send, status: HTTPStatus, reason: str) -> None:
    """Answer the handshake with an HTTP status and a line of text."""
    await receive()
    if _REFUSALS not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1008, "reason": reason})  # a 403 without words
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "websocket.http.response.start", "status": int(status), "headers": headers})
    await send({"type": "websocket.http.response.body", "body": reason.encode(), "more_body": False})

"""What makes uvicorn serve WebSockets through one of the transports."""

import asyncio
from typing import Any

import structlog

from heliograph_server.settings import TransportKind
from heliograph_server.transport.connection import MESSAGE_BYTES, PING_INTERVAL_S, PONG_TIMEOUT_S
from heliograph_server.transport.http import FirstLook, HttpProtocol
from heliograph_server.transport.uvicorn_ws import UvicornWebSocket

__all__ = ["websocket_options"]

_log = structlog.get_logger(__name__)


def websocket_options(kind: TransportKind) -> dict[str, Any]:
    """The options of `uvicorn.Config`. Where picows can't be imported, `asgi` takes its place, and the log says so."""
    websocket = _protocol(kind)
    return {
        "http": HttpProtocol if websocket is UvicornWebSocket else FirstLook,
        "ws": websocket,
        "ws_max_size": MESSAGE_BYTES,
        "ws_ping_interval": PING_INTERVAL_S,
        "ws_ping_timeout": PONG_TIMEOUT_S,
        "ws_per_message_deflate": False,
    }


def _protocol(kind: TransportKind) -> type[asyncio.Protocol]:
    if kind == "picows":
        try:
            from heliograph_server.transport.picows import PicowsWebSocket  # noqa: PLC0415 - not on every platform
        except ImportError as error:
            _log.warning("transport.fallback", wanted=kind, serving="asgi", cause=str(error))
        else:
            return PicowsWebSocket
    return UvicornWebSocket

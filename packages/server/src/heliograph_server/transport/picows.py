"""The fast lane: a WebSocket protocol class for uvicorn over picows, a parser and writer of frames in C.

uvicorn hands a connection over when a request asks for a WebSocket. The application decides as it does on any ASGI
server, by refusing or by accepting; but it accepts through the extension `LANE` and returns, and from there on picows
is the protocol of the TCP connection and calls `PicowsConnection` with each frame. No task, no queue and no ASGI
message is between the socket and the conversation, and of the request nothing is kept.
"""

import asyncio
from asyncio.transports import BaseTransport, Transport
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

import structlog
import uvicorn
from picows import WSAutoPingStrategy, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined] # the stubs leave it out
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from heliograph_server.transport.connection import CLOSE_TIMEOUT_S, Converse
from heliograph_server.transport.handshake import LANE
from heliograph_server.transport.picows_connection import PicowsConnection
from heliograph_server.transport.upgrade import Refusal, Upgrade, read_upgrade

__all__ = ["PicowsWebSocket"]

READ_BUFFER_BYTES = 2048
"""What picows takes at least; it grows with the messages that arrive."""

_log = structlog.get_logger(__name__)


class PicowsWebSocket(asyncio.Protocol):
    """What `uvicorn.Config(ws=…)` takes. It lives until the application has decided."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.transport: Transport = cast("Transport", None)
        self._config = config
        self._server = server_state
        self._app_state = app_state
        self._upgrade: Upgrade | None = None
        self._decided = False
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._response: tuple[HTTPStatus, list[tuple[bytes, bytes]], bytes] | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """uvicorn hands the connection over (asyncio.Protocol)."""
        self.transport = cast("Transport", transport)
        self._server.connections.add(cast("Any", self))

    def data_received(self, data: bytes) -> None:
        """The head of the request, whole. Until the application has decided nothing more is read."""
        self.transport.pause_reading()
        try:
            self._upgrade = read_upgrade(data)
        except Refusal as refusal:
            self._respond(refusal.status, refusal.headers, str(refusal).encode())
            return
        self._events.put_nowait({"type": "websocket.connect"})
        task = asyncio.get_running_loop().create_task(self._run(self._scope(self._upgrade)))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever ended it
        """The TCP connection is gone before the application let it in, or after it was refused (asyncio.Protocol)."""
        self._decided = True
        self._server.connections.discard(cast("Any", self))
        self._events.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def shutdown(self) -> None:
        """uvicorn ends."""
        if not self._decided:
            self._respond(HTTPStatus.SERVICE_UNAVAILABLE, [], b"the server is restarting")

    def _scope(self, upgrade: Upgrade) -> dict[str, Any]:
        raw_path, _, query = upgrade.target.partition(b"?")
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self.transport) else "ws",
            "server": get_local_addr(self.transport),
            "client": get_remote_addr(self.transport),
            "root_path": self._config.root_path,
            "path": self._config.root_path + unquote(raw_path.decode("latin-1")),
            "raw_path": self._config.root_path.encode() + raw_path,
            "query_string": query,
            "headers": upgrade.headers,
            "subprotocols": upgrade.subprotocols,
            "state": self._app_state.copy(),
            "extensions": {LANE: {"accept": self._accept}, "websocket.http.response": {}},
        }

    async def _run(self, scope: dict[str, Any]) -> None:
        application: Any = self._config.loaded_app
        try:
            await application(scope, self._events.get, self._send)
        except Exception:  # noqa: BLE001 - a bug must reach the log and the peer, and must not end the others
            _log.exception("websocket.failed")
        if not self._decided:
            self._respond(HTTPStatus.INTERNAL_SERVER_ERROR, [], b"")

    async def _send(self, message: Any) -> None:
        """ASGI send, for refusals."""
        match message["type"]:
            case _ if self._decided:
                return
            case "websocket.close":
                self._respond(HTTPStatus.FORBIDDEN, [], b"")
            case "websocket.http.response.start":
                self._response = HTTPStatus(message["status"]), list(message.get("headers", ())), b""
            case "websocket.http.response.body" if self._response is not None:
                status, headers, body = self._response
                self._response = status, headers, body + message.get("body", b"")
                if not message.get("more_body", False):
                    self._respond(*self._response)
            case kind:
                raise RuntimeError(f"{kind} can't be sent here: a WebSocket is accepted through the extension {LANE}")

    def _respond(self, status: HTTPStatus, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Answer with something other than a WebSocket, and hang up."""
        self._decided = True
        if self.transport.is_closing():
            return
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

    def _accept(self, converse: Converse, subprotocol: str | None) -> None:
        """Extension `LANE`."""
        if self._decided or self._upgrade is None or self.transport.is_closing():
            return
        self._decided = True
        self._server.connections.discard(cast("Any", self))
        connection = PicowsConnection(
            self.transport,
            self._server,
            ping_interval_s=self._config.ws_ping_interval or 0,
            pong_timeout_s=self._config.ws_ping_timeout or 0,
        )
        response = WSUpgradeResponse.create_101_response(
            {} if subprotocol is None else {"Sec-WebSocket-Protocol": subprotocol}
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
            max_frame_size=self._config.ws_max_size,
            extra_headers=None,
            read_buffer_init_size=READ_BUFFER_BYTES,
        )
        connection.open(protocol, _request(self._upgrade.key), converse)


def _request(key: bytes) -> bytes:
    """What picows has to see: a request of which only the key is left."""
    return (
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )

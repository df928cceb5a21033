"""What looks at the first bytes of a TCP connection, and hands it to the protocol that they are for.

A plain request for a WebSocket, which is what nearly every connection to this server begins with, goes straight to the
WebSocket protocol. Everything else is uvicorn's: other requests, and requests that are anything but plain.
"""

import asyncio
import re
from asyncio.transports import BaseTransport, Transport
from typing import Any, Final, cast

import uvicorn
from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

__all__ = ["FirstLook", "HttpProtocol"]

REQUEST_TIMEOUT_S: Final = 10.0
"""How long a request may take to arrive, the first one from when the connection is there. uvicorn itself waits for as
long as TCP lasts."""

PLAIN_HEAD_BYTES: Final = 8192
"""A head that is larger is left to uvicorn."""

_PLAIN_HEAD: Final = re.compile(
    rb"GET /[!-~]* HTTP/1\.1\r\n"
    rb"(?:[!#-'*+\-.^_`|~0-9A-Za-z]+:[ \t]*[!-~\x80-\xff\t ]*\r\n)+"
    rb"\r\n"
)
"""RFC 9112 section 3 and 5: whole, and with nothing after it."""

_ASKS_FOR_WEBSOCKET: Final = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n")
_MAY_UPGRADE: Final = re.compile(rb"\r\nconnection:(?:[^\r]*[, \t])?upgrade[ \t]*[,\r]")
_HAS_BODY: Final = re.compile(rb"\r\n(?:content-length|transfer-encoding):")


class FirstLook(asyncio.Protocol):
    """What `uvicorn.Config(http=…)` takes, where the WebSocket protocol reads headers as they come.

    uvicorn's own takes names in lower case for granted, which is how its parser hands them on.
    """

    __slots__ = ("_app_state", "_config", "_server", "_silence", "transport")

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._server = server_state
        self._app_state = app_state
        self.transport = cast("Transport", None)
        self._silence: asyncio.TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """The TCP connection is there (asyncio.Protocol)."""
        self.transport = cast("Transport", transport)
        self._silence = asyncio.get_running_loop().call_later(REQUEST_TIMEOUT_S, self.transport.abort)
        self._server.connections.add(cast("Any", self))

    def data_received(self, data: bytes) -> None:
        """The first that the other side says (asyncio.Protocol)."""
        self._end_silence()
        self._server.connections.discard(cast("Any", self))
        kind: Any = self._config.ws_protocol_class if _is_plain_upgrade(data) else HttpProtocol
        hand_over(self.transport, kind(self._config, self._server, self._app_state), data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever ended it
        """The other side went without a word (asyncio.Protocol)."""
        self._end_silence()
        self._server.connections.discard(cast("Any", self))

    def shutdown(self) -> None:
        """uvicorn ends."""
        self.transport.close()

    def _end_silence(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which lets go of what has become a WebSocket.

    The parser and its callbacks refer to each other. Left alone, they and the request would stay in memory until the
    next full garbage collection, which with thousands of idle peers is rare.
    """

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """The connection is handed over, or there (asyncio.Protocol)."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """A request begins (httptools)."""
        super().on_message_begin()
        self._wait()

    def on_message_complete(self) -> None:
        """A request is there, with its body (httptools)."""
        self._end_waiting()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone (asyncio.Protocol)."""
        self._end_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._end_waiting()
        self._waiting = self.loop.call_later(REQUEST_TIMEOUT_S, self.transport.abort)

    def _end_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def handle_websocket_upgrade(self) -> None:
        """The connection belongs to the WebSocket protocol from here on."""
        self._end_waiting()
        self.connections.discard(self)
        head = [self.scope["method"].encode(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.scope["headers"]:
            head += [name, b": ", value, b"\r\n"]
        protocol: Any = self.ws_protocol_class
        self.parser = cast("HttpRequestParser", None)
        hand_over(self.transport, protocol(self.config, self.server_state, self.app_state), b"".join([*head, b"\r\n"]))


def hand_over(transport: Transport, protocol: Any, data: bytes) -> None:
    """Let a protocol go on where another one was; it may hand over at once itself."""
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    protocol.data_received(data)


def _is_plain_upgrade(data: bytes) -> bool:
    if len(data) > PLAIN_HEAD_BYTES or _PLAIN_HEAD.fullmatch(data) is None:
        return False
    head = data.lower()
    return (
        _ASKS_FOR_WEBSOCKET.search(head) is not None
        and _MAY_UPGRADE.search(head) is not None
        and _HAS_BODY.search(head) is None
    )

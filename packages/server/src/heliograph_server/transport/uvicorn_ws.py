"""uvicorn's WebSocket protocol, with ends to its waits.

uvicorn closes a socket by letting its write buffer drain first, which a peer that no longer reads can put off for as
long as TCP lasts. Here every close is followed by an abort. A peer that does not answer pings is closed in the
protocol's own words.
"""

import asyncio
from asyncio.transports import BaseTransport, Transport
from typing import Any, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from heliograph_protocol import CloseCode
from heliograph_server.transport.connection import CLOSE_TIMEOUT_S

__all__ = ["UvicornWebSocket"]


class UvicornWebSocket(WebSocketsSansIOProtocol):
    """What `uvicorn.Config(ws=…)` takes."""

    _abort: asyncio.TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """The TCP connection is there (asyncio.Protocol)."""
        super().connection_made(transport)
        self.close_timeout = CLOSE_TIMEOUT_S
        self.transport = cast("Transport", _AbortingTransport(self.transport, self._abort_later))

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is gone (asyncio.Protocol)."""
        super().connection_lost(exc)
        if self._abort is not None:
            self._abort.cancel()

    async def send(self, message: Any) -> None:
        """ASGI send. Once a close frame is out, ours or uvicorn's own, the other side counts as gone."""
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)

    def keepalive_timeout(self) -> None:
        """The peer has not answered a ping."""
        self.pong_timer = None
        self.pending_ping_payload = None
        if self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": int(CloseCode.NOT_THE_PROTOCOL)})
        self.conn.fail(CloseCode.NOT_THE_PROTOCOL, "silent for too long")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()

    def _abort_later(self, transport: Transport) -> None:
        if self._abort is None:
            self._abort = self.loop.call_later(CLOSE_TIMEOUT_S, transport.abort)


class _AbortingTransport:
    """A transport whose `close` takes `CLOSE_TIMEOUT_S` at most; everything else is the transport's own."""

    def __init__(self, transport: Transport, abort_later: Any) -> None:
        self._transport = transport
        self._abort_later = abort_later
        self.write = transport.write

    def close(self) -> None:
        self._transport.close()
        self._abort_later(self._transport)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

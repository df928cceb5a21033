"""The WebSocket to the server. The one place that knows the `websockets` package."""

from __future__ import annotations

import asyncio
import ssl

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI, WebSocketException

from heliograph.config import ServerAddress
from heliograph.errors import ServerUnreachable, SignalingClosed, SignalingError, SignalingLost
from heliograph.refusals import close_error

__all__ = ["SignalingSocket", "foremost"]

OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
PING_INTERVAL_S = 20.0
SEND_TIMEOUT_S = 20.0
"""How long the network may take no more bytes. A ping would wait behind them, so none finds out."""
MAX_FRAME_BYTES = 1024 * 1024
"""More than any server's limit for a message, less than what would hurt."""


class SignalingSocket:
    """An open WebSocket: frames out, frames in."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, address: ServerAddress) -> SignalingSocket:
        """Connect. Raises `ServerUnreachable`."""
        try:
            connection = await connect(
                address.websocket_url,
                compression=None,
                max_size=MAX_FRAME_BYTES,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=PING_INTERVAL_S,
                ping_timeout=PING_INTERVAL_S,
                proxy=None if address.is_loopback else True,
            )
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, WebSocketException, ssl.SSLError) as error:
            words = str(error) or type(error).__name__
            raise ServerUnreachable(f"No WebSocket at {address.websocket_url}: {words}") from error
        return cls(connection)

    async def send(self, frame: bytes) -> None:
        """Send a text frame. Raises `SignalingLost`, or `SignalingClosed` if the server is done with this peer."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._connection.send(frame, text=True)
        except ConnectionClosed as error:
            raise _lost(error) from error
        except TimeoutError as error:
            raise SignalingLost(f"The server took nothing in for {SEND_TIMEOUT_S:g} s") from error

    async def receive(self) -> bytes:
        """The next frame. Raises `SignalingLost`, or `SignalingClosed` if the server is done with this peer."""
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            raise _lost(error) from error

    async def close(self) -> None:
        """Close, waiting `CLOSE_TIMEOUT_S` at most for the server's close frame. Safe to repeat."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):  # its own time-out begins when the close frame is on its way
                await self._connection.close()
        except TimeoutError:
            self._connection.transport.abort()
        except asyncio.CancelledError:
            self._connection.transport.abort()
            raise


def _lost(error: ConnectionClosed) -> Exception:
    code = error.rcvd.code if error.rcvd else 1006
    reason = error.rcvd.reason if error.rcvd else "the connection dropped"
    return close_error(code, reason) or SignalingLost(f"The connection to the server ended: {reason} ({code})")


def foremost(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of the two ends of one connection: the one that says more. Anything else is a bug, and all of it is shown."""
    if all(isinstance(error, SignalingError) for error in errors.exceptions):
        return min(errors.exceptions, key=lambda error: not isinstance(error, SignalingClosed))
    return errors

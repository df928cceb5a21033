"""Where a WebSocket waits until it is known which process of this machine the peer belongs to.

The opening handshake is answered here, and the peer's first message is looked at. Then the connection goes on: in this
process, or in another one, which gets the descriptor of the socket and what was said so far.
"""

import asyncio
from asyncio.transports import Transport
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, cast

from uvicorn.server import ServerState

from heliograph_protocol import CloseCode
from heliograph_server.transport.connection import Connection
from heliograph_server.transport.first_message import NotPlain, first_message
from heliograph_server.transport.upgrade import accept, answer

__all__ = ["SAID_BYTES", "FindPlace", "HandOver", "Vestibule"]

SAID_BYTES: Final = 96 * 1024
"""A peer that says more than this before it has an answer stays in this process."""

DECIDE_TIMEOUT_S: Final = 10.0
"""How long a peer may take for its first message: as long as it has to register."""

HandOver = Callable[[int, bytes], bool]
"""Gives a socket, by its descriptor, and what was said to another process; False if that takes nothing now."""

FindPlace = Callable[[bytes], Awaitable[HandOver | None]]
"""Says, by a peer's first message, which other process of this machine it belongs to. Never raises."""


class Stay(Protocol):
    """Goes on in this process with what was said so far."""

    def __call__(self, said: bytes) -> Connection: ...


class Vestibule(asyncio.Protocol):
    """One TCP connection without TLS whose opening handshake was found to be good. uvicorn calls `shutdown`."""

    def __init__(self, transport: Transport, server: ServerState, find: FindPlace, stay: Stay) -> None:
        self._transport = transport
        self._server = server
        self._find = find
        self._stay = stay
        self._said = bytearray()
        self._deadline: asyncio.TimerHandle | None = None

    def open(self, key: bytes, subprotocol: str | None) -> None:
        """Answer the handshake, and wait for what the peer says."""
        self._server.connections.add(cast("Any", self))
        self._deadline = asyncio.get_running_loop().call_later(DECIDE_TIMEOUT_S, self._too_late)
        self._transport.set_protocol(self)
        self._transport.write(answer(accept(key), subprotocol))

    def data_received(self, data: bytes) -> None:
        """The peer says something (asyncio.Protocol)."""
        self._said += data
        try:
            message = first_message(self._said)
        except NotPlain:
            self._go_on()
            return
        if message is not None:
            self._transport.pause_reading()
            task = asyncio.get_running_loop().create_task(self._decide(message))
            self._server.tasks.add(task)
            task.add_done_callback(self._server.tasks.discard)
        elif len(self._said) > SAID_BYTES:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever ended it
        """The TCP connection is gone, or another process has it (asyncio.Protocol)."""
        self._leave()

    def shutdown(self) -> None:
        """uvicorn ends."""
        if not self._transport.is_closing():
            self._go_on().close(CloseCode.RESTARTING, "")

    async def _decide(self, message: bytes) -> None:
        hand_over = await self._find(message)
        if self._deadline is None or self._transport.is_closing():
            return  # gone meanwhile, or on its way already
        # What is still on its way out here would be out of order with what the other process says.
        if hand_over is not None and len(self._said) <= SAID_BYTES and self._transport.get_write_buffer_size() == 0:
            descriptor = self._transport.get_extra_info("socket").fileno()
            if hand_over(descriptor, bytes(self._said)):
                self._leave()
                self._transport.abort()  # closes our descriptor of the socket; the connection goes on with the other
                return
        self._go_on()

    def _go_on(self) -> Connection:
        self._leave()
        connection = self._stay(bytes(self._said))
        if not self._transport.is_closing():
            self._transport.resume_reading()
        return connection

    def _too_late(self) -> None:
        self._go_on().close(CloseCode.NOT_THE_PROTOCOL, "did not register in time")

    def _leave(self) -> None:
        self._server.connections.discard(cast("Any", self))
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

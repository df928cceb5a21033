"""A `Connection` over ASGI: works on any ASGI server."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from heliograph_protocol import CloseCode
from heliograph_server.transport.connection import CLOSE_TIMEOUT_S, INTERNAL_ERROR, OUTGOING_BYTES, Conversation, Ending

__all__ = ["AsgiConnection"]

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Any], Awaitable[None]]


class AsgiConnection:
    """An accepted ASGI WebSocket.

    Frames go out through a task that lives only while something waits, so an idle connection costs no task of its own.
    `run` owns that task and ends it.
    """

    __slots__ = (
        "_buffered",
        "_close",
        "_closing",
        "_deadline",
        "_drained",
        "_ending",
        "_flushing",
        "_queue",
        "_receive",
        "_send",
    )

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._queue: deque[bytes] = deque()
        self._buffered = 0
        self._flushing: asyncio.Task[None] | None = None
        self._closing = False
        self._close: tuple[int, str] | None = None
        self._drained: Callable[[], None] | None = None
        self._ending: Ending | None = None
        self._deadline: asyncio.Timeout = asyncio.timeout(None)

    @property
    def closed(self) -> bool:
        """See `Connection.closed`."""
        return self._closing

    @property
    def ending(self) -> Ending | None:
        """See `Connection.ending`."""
        return self._ending or (Ending("network", None) if self._closing else None)

    @property
    def buffered(self) -> int:
        """See `Connection.buffered`."""
        return self._buffered

    def send(self, frame: bytes) -> bool:
        """See `Connection.send`."""
        if self._closing:
            return False
        if self._buffered + len(frame) > OUTGOING_BYTES:
            self._drop_queue()
            self.close(CloseCode.TOO_SLOW, "reads too slowly")
            return False
        self._queue.append(frame)
        self._buffered += len(frame)
        self._flush_soon()
        return True

    def when_drained(self, callback: Callable[[], None]) -> None:
        """See `Connection.when_drained`."""
        self._drained = callback
        if self._buffered == 0:
            asyncio.get_running_loop().call_soon(self._tell_drained)

    def close(self, code: int, reason: str) -> None:
        """See `Connection.close`."""
        if self._closing:
            return
        self._closing = True
        self._close = (code, reason)
        self._ending = Ending("server", int(code))
        self._deadline.reschedule(asyncio.get_running_loop().time() + CLOSE_TIMEOUT_S)
        self._flush_soon()

    async def run(self, conversation: Conversation) -> None:
        """Deliver messages to `conversation` until the connection is over."""
        try:
            async with self._deadline:
                while True:
                    event = await self._receive()
                    if event["type"] != "websocket.receive":
                        self._note_end(event.get("code"))
                        return
                    text = event.get("text")
                    if text is None:
                        self.close(CloseCode.NOT_THE_PROTOCOL, "messages are text frames")
                    elif not self._closing:
                        pending = conversation.receive(text.encode())
                        if pending is not None:
                            await pending
        except TimeoutError:
            if not self._deadline.expired():
                raise
        except Exception:
            self._closing = True
            self._ending = Ending("server", INTERNAL_ERROR)
            with suppress(OSError):
                await self._send({"type": "websocket.close", "code": INTERNAL_ERROR, "reason": ""})
            raise
        finally:
            self._closing = True
            self._drop_queue()
            if self._flushing is not None:
                self._flushing.cancel()
            conversation.disconnected()

    def _note_end(self, code: int | None) -> None:
        """The other side has closed it, or, with 1005 or 1006, just gone (RFC 6455 section 7.4.1)."""
        if self._ending is None and code not in (None, 1005, 1006):
            self._ending = Ending("peer", code)

    def _drop_queue(self) -> None:
        self._queue.clear()
        self._buffered = 0

    def _flush_soon(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    def _tell_drained(self) -> None:
        if self._drained is not None and self._buffered == 0 and not self._closing:
            drained, self._drained = self._drained, None
            drained()

    async def _flush(self) -> None:
        try:
            while self._queue:
                frame = self._queue.popleft()
                await self._send({"type": "websocket.send", "text": frame.decode()})
                self._buffered = max(0, self._buffered - len(frame))
                if not self._queue:
                    self._tell_drained()
            if self._close is not None:
                code, reason = self._close
                await self._send({"type": "websocket.close", "code": int(code), "reason": reason})
        except OSError:
            self._closing = True  # the other side is gone; `run` hears of it through its own event
        finally:
            self._flushing = None

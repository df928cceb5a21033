"""One open WebSocket over picows: a `Connection`, and the listener that picows calls with each frame.

picows reads and writes frames. What it leaves to its user is here: joining fragments, UTF-8, reserved bits, which close
codes exist, the closing handshake in both directions, pings, what waits for a slow reader, and messages that are
awaited.
"""

import asyncio
from asyncio.transports import Transport
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import structlog
from picows import WSFrame, WSListener, WSMsgType, WSTransport
from uvicorn.server import ServerState

from heliograph_protocol import CloseCode
from heliograph_server.transport.connection import (
    CLOSE_TIMEOUT_S,
    INTERNAL_ERROR,
    MESSAGE_BYTES,
    OUTGOING_BYTES,
    Conversation,
    Converse,
    Ending,
)
from heliograph_server.transport.picows_host import Discarding, PicowsHost

__all__ = ["PicowsConnection"]

PROTOCOL_ERROR: Final = 1002
"""RFC 6455 section 7.4.1."""

_CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})
"""Those that may be in a close frame: of RFC 6455 and the IANA registry, of libraries, of applications."""

_TEXT: Final = WSMsgType.TEXT
_log = structlog.get_logger(__name__)


class PicowsConnection(WSListener):
    """See `Connection`. uvicorn calls `shutdown`, picows `on_ws_…`, `pause_writing` and `resume_writing`."""

    __slots__ = (
        "_backlog",
        "_conversation",
        "_drained",
        "_ending",
        "_frames",
        "_message",
        "_message_kind",
        "_over",
        "_paused",
        "_ping_interval_s",
        "_pinged",
        "_plain",
        "_pong_timeout_s",
        "_receive",
        "_send",
        "_server",
        "_timer",
        "closed",
        "host",
        "transport",
    )

    def __init__(
        self, transport: Transport, server: ServerState, *, ping_interval_s: float, pong_timeout_s: float
    ) -> None:
        self.transport = transport
        self.host = PicowsHost(self)
        self._server = server
        self._ping_interval_s = ping_interval_s
        self._pong_timeout_s = pong_timeout_s
        self._frames: WSTransport | None = None
        self._conversation: Conversation | None = None
        self.closed = False
        """See `Connection.closed`."""
        self._ending: Ending | None = None
        self._over = False
        """No more messages come: the conversation is to be told, or has been."""
        self._paused = False
        """More than a little waits for the network."""
        self._drained: Callable[[], None] | None = None
        self._plain = True
        """A whole text goes straight to the conversation: nothing is being joined or awaited."""
        self._message = bytearray()
        """What has arrived of a fragmented message."""
        self._message_kind: WSMsgType | None = None
        self._backlog: deque[tuple[WSMsgType, bytes]] | None = None
        """What has arrived while a message is awaited."""
        self._timer: asyncio.TimerHandle | None = None
        """The next ping, or the end of waiting for a pong, or for the end."""
        self._pinged = False

    @property
    def ending(self) -> Ending | None:
        """See `Connection.ending`."""
        return self._ending or (Ending("network", None) if self.closed else None)

    def open(self, protocol: Any, request: bytes, converse: Converse) -> None:
        """Let `protocol` take the TCP connection after it has seen a request, and begin the conversation."""
        self._server.connections.add(cast("Any", self))
        protocol.connection_made(self.host)
        del self.host  # picows has it now
        self._frames = protocol.transport
        self._send = protocol.transport.send
        conversation = converse(self)
        self._receive: Callable[[bytes], Awaitable[None] | None] = conversation.receive
        self._conversation = conversation
        protocol.get_buffer(-1)[: len(request)] = request
        protocol.buffer_updated(len(request))
        del (
            protocol.transport.request.headers,
            protocol.transport.response.headers,
        )  # a kilobyte that nobody reads again
        self.transport.set_protocol(protocol)
        if self._ping_interval_s and not self.closed:
            self._wait(self._ping_interval_s, self._ping)

    @staticmethod
    def take(protocol: Any, said: bytes) -> None:
        """Let `protocol` read what the peer has said before it was its turn."""
        rest = memoryview(said)
        while rest:
            room = protocol.get_buffer(-1)
            part = rest[: len(room)]
            room[: len(part)] = part
            protocol.buffer_updated(len(part))
            rest = rest[len(part) :]

    @property
    def buffered(self) -> int:
        """See `Connection.buffered`."""
        return 0 if self._frames is None else self.transport.get_write_buffer_size()

    def send(self, frame: bytes) -> bool:
        """See `Connection.send`."""
        if self.closed:
            return False
        if self._paused and self.transport.get_write_buffer_size() + len(frame) > OUTGOING_BYTES:
            self.close(CloseCode.TOO_SLOW, "reads too slowly")
            return False
        self._send(_TEXT, frame)
        return True

    def when_drained(self, callback: Callable[[], None]) -> None:
        """See `Connection.when_drained`."""
        if self.closed:
            return
        self._drained = callback
        self.transport.set_write_buffer_limits(high=0)  # calls `pause_writing` if anything waits
        if not self._paused:
            asyncio.get_running_loop().call_soon(self._tell_drained)

    def close(self, code: int, reason: str) -> None:
        """See `Connection.close`."""
        if self._frames is None or self.closed:
            return
        self._shut()
        self._ending = self._ending or Ending("server", int(code))
        self._frames.send_close(cast("Any", int(code)), reason.encode())
        self._wait(CLOSE_TIMEOUT_S, self.transport.abort)
        asyncio.get_running_loop().call_soon(self._end)

    def shutdown(self) -> None:
        """uvicorn ends."""
        self.close(CloseCode.RESTARTING, "")

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """picows has read a frame. What this raises becomes a close with 1011."""
        if self._plain and frame.msg_type is _TEXT and frame.fin and not (frame.rsv1 or frame.rsv2 or frame.rsv3):
            message = frame.get_payload_as_bytes()
            if message.isascii() or _is_utf_8(message):
                pending = self._receive(message)
                if pending is not None:
                    self._await(pending)
                return
        self._on_other_frame(transport, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - there is one
        """The TCP connection is gone."""
        self._shut()
        self._frames = None
        self._cancel_timer()
        self._server.connections.discard(cast("Any", self))
        self._end()

    def pause_writing(self) -> None:
        """Much waits, or something and `when_drained` was asked for."""
        self._paused = True

    def resume_writing(self) -> None:
        """Little waits, or nothing if `when_drained` was asked for."""
        self._paused = False
        if self._drained is not None:
            asyncio.get_running_loop().call_soon(self._tell_drained)

    def failed(self) -> None:
        """picows closes the connection because of what the peer sent, or of a mistake of ours."""
        self._shut()
        asyncio.get_running_loop().call_soon(self._linger)

    def hang_up(self) -> None:
        """End the TCP connection once all has been sent."""
        self._wait(CLOSE_TIMEOUT_S, self.transport.abort)
        self.transport.close()

    def _on_other_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if self.closed:
            if kind is WSMsgType.CLOSE and not self.transport.is_closing():
                self.hang_up()
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(PROTOCOL_ERROR, "reserved bits are set")
            return
        payload = frame.get_payload_as_bytes()
        match kind:
            case WSMsgType.PING:
                transport.send_pong(payload)
            case WSMsgType.PONG:
                self._on_pong()
            case WSMsgType.CLOSE:
                self._take(kind, payload)
            case _:
                self._on_part(kind, payload, last=frame.fin)

    def _on_part(self, kind: WSMsgType, payload: bytes, *, last: bool) -> None:
        if (kind is WSMsgType.CONTINUATION) != (self._message_kind is not None):
            self._fail(PROTOCOL_ERROR, "a part without a beginning, or a beginning without an end")
            return
        if kind is not WSMsgType.CONTINUATION:
            self._message_kind = kind
        if len(self._message) + len(payload) > MESSAGE_BYTES:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"a message has at most {MESSAGE_BYTES} bytes")
            return
        self._message += payload
        if last:
            kind, message = cast("WSMsgType", self._message_kind), bytes(self._message)
            self._message_kind = None
            self._message = bytearray()
            self._take(kind, message)
        self._plain = self._message_kind is None and self._backlog is None and not self.closed

    def _take(self, kind: WSMsgType, message: bytes) -> None:
        """A whole message, or a close."""
        if self._backlog is not None:
            self._backlog.append((kind, message))
            self.transport.pause_reading()  # what has been read already comes even so
            return
        pending = self._deliver(kind, message)
        if pending is not None:
            self._await(pending)

    def _deliver(self, kind: WSMsgType, message: bytes) -> Awaitable[None] | None:
        if kind is WSMsgType.CLOSE:
            self._on_close(message)
        elif kind is WSMsgType.BINARY:
            self.close(CloseCode.NOT_THE_PROTOCOL, "messages are text frames")
        elif not _is_utf_8(message):
            self._fail(CloseCode.INVALID_UTF8, "a text is not UTF-8")
        else:
            return self._receive(message)
        return None

    def _on_close(self, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big") if payload else 1000
        if code not in _CLOSE_CODES:
            self._fail(PROTOCOL_ERROR, "no such close code")
            return
        self._ending = self._ending or Ending("peer", code)
        self.close(code, "")
        self.hang_up()

    def _on_pong(self) -> None:
        if self._pinged:
            self._pinged = False
            self._wait(self._ping_interval_s, self._ping)

    def _ping(self) -> None:
        if self._frames is not None:
            self._frames.send_ping()
            self._pinged = True
            self._wait(self._pong_timeout_s, self._silent)

    def _silent(self) -> None:
        self.close(CloseCode.NOT_THE_PROTOCOL, "silent for too long")
        self.hang_up()

    def _fail(self, code: int, reason: str) -> None:
        """The peer broke the rules."""
        if self._frames is not None:
            self._ending = self._ending or Ending("server", int(code))
            self._frames.send_close(cast("Any", int(code)), reason.encode())
            self.failed()

    def _linger(self) -> None:
        """Say that nothing more comes, and read on without looking until the peer has seen why and hangs up.

        Ending a TCP connection with something unread resets it, and what was sent last may never arrive.
        """
        if not self.transport.is_closing():
            if self.transport.can_write_eof():
                self._discard()
            else:
                self.hang_up()  # TLS
        self._end()

    def _discard(self) -> None:
        self._wait(CLOSE_TIMEOUT_S, self.transport.abort)
        self.transport.pause_reading()
        self.transport.set_protocol(Discarding(self.transport.get_protocol()))
        self.transport.resume_reading()
        self.transport.write_eof()

    def _await(self, pending: Awaitable[None]) -> None:
        self._plain = False
        self._backlog = deque()
        task = asyncio.get_running_loop().create_task(self._finish(pending, self._backlog))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    async def _finish(self, pending: Awaitable[None], backlog: deque[tuple[WSMsgType, bytes]]) -> None:
        """Wait for a message to be done with, and go on with those that came meanwhile."""
        try:
            await pending
            while backlog and not self.closed:
                following = self._deliver(*backlog.popleft())
                if following is not None:
                    await following
        except Exception:  # noqa: BLE001 - a bug must reach the log and the peer, and must not end the others
            _log.exception("websocket.failed")
            self._fail(INTERNAL_ERROR, "")
        finally:
            self._backlog = None
            self._plain = self._message_kind is None and not self.closed
            if not self.transport.is_closing() and not self.transport.is_reading():
                self.transport.resume_reading()
            if self._over:
                self._end()

    def _shut(self) -> None:
        """Nothing more goes in or out."""
        self.closed = True
        self._plain = False

    def _end(self) -> None:
        """Tell the conversation, once, and not before what it does is done."""
        self._over = True
        if self._conversation is not None and self._backlog is None:
            conversation, self._conversation = self._conversation, None
            conversation.disconnected()
        if self._frames is None and self._conversation is None:
            self._receive = self._send = _nothing  # or the ring would have to wait for the garbage collector

    def _tell_drained(self) -> None:
        if self._drained is None or self.closed:
            return
        callback, self._drained = self._drained, None
        if self.transport.get_write_buffer_size() > 0:
            self.when_drained(callback)  # somebody was faster
            return
        self.transport.set_write_buffer_limits()
        callback()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._cancel_timer()
        if self._frames is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _nothing(*_: object) -> None:
    """What a connection that is over does."""


def _is_utf_8(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True

"""The home's end of a pipe: a peer whose connection is on another node, as if it were here."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct

from heliograph_protocol import CloseCode
from heliograph_server.cluster.kept_mailbox import Held
from heliograph_server.cluster.lines import Kind, Line
from heliograph_server.signaling.homes import RoomElsewhere
from heliograph_server.signaling.session import Session
from heliograph_server.transport.connection import INTERNAL_ERROR, OUTGOING_BYTES, Connection

__all__ = ["Closing", "HomeEnd", "Opening", "PipeConnection"]

BACKLOG_FRAMES: Final = 256
"""What a peer may send before it has had the answer to its registration; the door hands on one message until then."""

_log = structlog.get_logger(__name__)


class Opening(Struct, frozen=True, array_like=True):
    """A peer that wants into a room: its `register`, and how often it was refused before."""

    frame: bytes
    refusals: int


class Closing(Struct, frozen=True, array_like=True):
    """How a connection is to be closed."""

    code: int
    reason: str


class PipeConnection:
    """See `Connection`: what is sent goes to the door, which says how much of it has reached the network.

    `over` is called once when the connection is closed from here.
    """

    __slots__ = ("_arrived", "_drained", "_line", "_over", "_pipe", "_sent", "closed")

    def __init__(self, line: Line, pipe: int, over: Callable[[], None]) -> None:
        self._line = line
        self._pipe = pipe
        self._over = over
        self._sent = 0
        self._arrived = 0
        self._drained: Callable[[], None] | None = None
        self.closed = False
        """See `Connection.closed`."""

    @property
    def ending(self) -> None:
        """See `Connection.ending`: the node that has the socket does not say."""

    @property
    def buffered(self) -> int:
        """See `Connection.buffered`. Small amounts are reported late: the last `door.REPORT_BYTES` may be there."""
        return self._sent - self._arrived

    def send(self, frame: bytes) -> bool:
        """See `Connection.send`."""
        if self.closed:
            return False
        self._sent += len(frame)
        if self._sent - self._arrived > OUTGOING_BYTES:
            self.close(CloseCode.TOO_SLOW, "reads too slowly")
            return False
        self._line.hear(self._pipe, frame)
        return True

    def when_drained(self, callback: Callable[[], None]) -> None:
        """See `Connection.when_drained`."""
        if self.closed:
            return
        self._drained = callback
        if self._sent == self._arrived:
            asyncio.get_running_loop().call_soon(self._tell_drained)
        else:
            self._line.put(Kind.PROBE, self._pipe)

    def close(self, code: int, reason: str) -> None:
        """See `Connection.close`."""
        if self.closed:
            return
        self._line.put(Kind.CLOSE, self._pipe, msgspec.msgpack.encode(Closing(int(code), reason)))
        self.lost()
        asyncio.get_running_loop().call_soon(self._over)

    def lost(self) -> None:
        """Nothing more goes out."""
        self.closed = True
        self._drained = None

    def arrived(self, count: int) -> None:
        """So many bytes have reached the network by now."""
        self._arrived = count
        self._tell_drained()

    def _tell_drained(self) -> None:
        if self._drained is not None and self._sent == self._arrived:
            drained, self._drained = self._drained, None
            drained()


class HomeEnd:
    """One pipe: its connection, and the session of the peer on it.

    `begin` makes the session, `spawn` runs what has to be awaited, `ended` is told when the pipe is no more.
    """

    __slots__ = ("_backlog", "_begin", "_ended", "_line", "_session", "_spawn", "connection", "pipe")

    def __init__(
        self,
        line: Line,
        pipe: int,
        *,
        begin: Callable[[Connection, int], Session],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        ended: Callable[["HomeEnd"], None],
    ) -> None:
        self.pipe = pipe
        self.connection = PipeConnection(line, pipe, self.lost)
        self._line = line
        self._begin = begin
        self._spawn = spawn
        self._ended = ended
        self._session: Session | None = None
        self._backlog: deque[bytes] | None = None
        """What comes while something is awaited."""

    @property
    def peer(self) -> str:
        """The node that has the door."""
        return self._line.peer

    def open(self, opening: Opening) -> None:
        """Register the peer, or tell it why not."""
        self._session = self._begin(Held(self.connection, remote=True), opening.refusals)
        self._backlog = deque()
        self._spawn(self._register(self._session, opening.frame))

    def receive(self, frame: bytes) -> None:
        """A frame of the peer's."""
        if self._backlog is not None:
            if len(self._backlog) >= BACKLOG_FRAMES:
                self.connection.close(CloseCode.OVER_LIMIT, "too many messages before the registration")
            else:
                self._backlog.append(frame)
            return
        session = self._session
        if session is None:
            return
        try:
            pending = session.receive(frame)
        except Exception:  # noqa: BLE001 - a bug must reach the log and the peer, and must not end the others
            _log.exception("pipe.failed")
            self.connection.close(INTERNAL_ERROR, "")
            return
        if pending is not None:
            self._backlog = deque()
            self._spawn(self._finish(pending))

    def announce_drain(self, reconnect_within_s: int) -> None:
        """The door is about to close."""
        if self._session is not None:
            self._session.announce_drain(reconnect_within_s)

    def lost(self) -> None:
        """The peer's connection is over, or the way to it is."""
        self.connection.lost()
        if self._backlog is None:
            self._end()

    async def _register(self, session: Session, frame: bytes) -> None:
        moved = False
        try:
            pending = session.receive(frame)
            if pending is not None:
                await pending
        except RoomElsewhere:
            moved = True
        except Exception:  # noqa: BLE001 - as in `receive`
            _log.exception("pipe.failed")
            self.connection.close(INTERNAL_ERROR, "")
        if session.registered:
            self._line.put(Kind.JOINED, self.pipe)
            self._catch_up()
            return
        if not self.connection.closed:
            self._line.put(Kind.MOVED if moved else Kind.REFUSED, self.pipe)
            self.connection.lost()
        self._backlog = None
        self._end()

    async def _finish(self, pending: Awaitable[None]) -> None:
        try:
            await pending
        except Exception:  # noqa: BLE001 - as in `receive`
            _log.exception("pipe.failed")
            self.connection.close(INTERNAL_ERROR, "")
        self._catch_up()

    def _catch_up(self) -> None:
        backlog, self._backlog = self._backlog or deque[bytes](), None
        if self.connection.closed:
            self._end()
            return
        for frame in backlog:
            self.receive(frame)  # into the new backlog, if there is one by then

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.disconnected()
            self._ended(self)

"""The door: a connection until it is known where its room is, and ever after if the room is elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec

from heliograph_protocol import CloseCode, ErrorCode, ProtocolError, Register, decode_envelope, decode_request, encode
from heliograph_server.cluster.bus import BusUnavailable
from heliograph_server.cluster.lines import Kind, Line
from heliograph_server.cluster.pipe import Closing, Opening
from heliograph_server.errors import wire_error
from heliograph_server.ops.limits import TokenBucket
from heliograph_server.signaling.homes import RoomElsewhere
from heliograph_server.signaling.session import REGISTER_TIMEOUT_S, Session
from heliograph_server.transport.connection import MESSAGE_BYTES, Connection

__all__ = ["Door", "House", "registration"]

MOVE_PAUSES_S: Final = (0.05, 0.2, 0.5, 1.0, 1.5, 1.5, 1.0)
"""A peer follows a room that moves while it registers; all in all for longer than the lease of a dead node runs."""

REPORT_BYTES: Final = 64 * 1024
"""After how many bytes the home is told that they have reached the network."""

OVERFLOW_FACTOR: Final = 2
"""A peer's frames go to the home up to this multiple of what it may send: the home says what is too much."""

_SAID: Final = Kind.SAID


class House(Protocol):
    """What a door needs of its node."""

    rate_per_s: int
    monotonic: Callable[[], float]

    async def where(self, room_id: str) -> str | None:
        """The node that is the room's home; None if it is this one, or nobody's, or can't be found out."""

    def begin(self, connection: Connection, refusals: int) -> Session:
        """A session on this node."""

    def open(self, node: str, door: "Door") -> tuple[Line, int]:
        """A new pipe to a node. What comes through it is handed to the door."""

    def shut(self, pipe: int) -> None:
        """The pipe is no more."""


class Door:
    """See `Conversation`. Once the peer is in a room of this node, all of it is the session's."""

    __slots__ = (
        "_arrived",
        "_bucket",
        "_connection",
        "_house",
        "_level_2",
        "_line",
        "_outcome",
        "_pipe",
        "_reported",
        "_session",
        "_take",
    )

    def __init__(self, connection: Connection, house: House) -> None:
        self._connection = connection
        self._house = house
        self._session = house.begin(connection, 0)
        self._take: Callable[[bytes], Awaitable[None] | None] = self._before
        self._line: Line | None = None
        self._pipe = 0
        self._outcome: asyncio.Future[Kind] | None = None
        self._bucket: TokenBucket | None = None
        self._level_2 = False
        self._arrived = 0
        self._reported = 0

    def receive(self, frame: bytes) -> Awaitable[None] | None:
        """See `Conversation.receive`."""
        return self._take(frame)

    def disconnected(self) -> None:
        """See `Conversation.disconnected`."""
        if self._line is not None:
            self._line.put(Kind.CLOSED, self._pipe)
            self._leave_pipe()
        self._session.disconnected()

    def heard(self, frame: bytes) -> None:
        """A frame for the peer has come through the pipe."""
        self._connection.send(frame)
        self._arrived += len(frame)
        if self._arrived - self._reported >= REPORT_BYTES:
            self._report_soon()

    def signal(self, kind: Kind, body: Any) -> None:
        """All else that comes through the pipe."""
        match kind:
            case Kind.PROBE:
                self._report_soon()
            case Kind.JOINED:
                self._settle(kind)
            case Kind.REFUSED | Kind.MOVED:
                self._leave_pipe()
                self._settle(kind)
            case Kind.CLOSE:
                closing = msgspec.msgpack.decode(body, type=Closing)
                self._leave_pipe()
                self._connection.close(closing.code, closing.reason)
                self._settle(kind)
            case _:
                raise ValueError(f"{kind!r} is nothing for a door")

    def send_away(self) -> None:
        """This node is about to end. A peer that is still registering comes to its end with the server."""
        if self._outcome is None:
            self._connection.close(CloseCode.RESTARTING, "the server is going away, resume")

    def broken(self) -> None:
        """The way to the home is lost. The peer may resume wherever it finds a node; one that can't is told first."""
        if self._line is not None:
            self._line.put(Kind.CLOSED, self._pipe)
        self._leave_pipe()
        if self._outcome is not None:
            self._settle(Kind.BROKEN)
            return
        if not self._level_2:
            text = "The room can't be reached at the moment; what was sent last may not have arrived"
            self._connection.send(encode(wire_error(ErrorCode.STORE_UNAVAILABLE, text)))
        self._connection.close(CloseCode.RESTARTING, "the way to the room is lost, resume")

    def _before(self, frame: bytes) -> Awaitable[None] | None:
        """Until the peer is in a room."""
        wanted = registration(frame)
        if wanted is None:
            return self._session.receive(frame)  # which says what is wrong with it
        return self._enter(wanted, frame)

    async def _enter(self, wanted: Register, frame: bytes) -> None:
        self._level_2 = wanted.protocol >= 2
        for pause_s in MOVE_PAUSES_S:
            node = await self._house.where(wanted.room_id)
            if self._connection.closed:
                return  # and may have another connection by now
            if node is None:
                try:
                    await self._enter_here(frame)
                except RoomElsewhere as elsewhere:
                    node = elsewhere.node
                else:
                    return
            match await self._enter_there(node, frame) if node else Kind.MOVED:
                case Kind.JOINED:
                    self._session.handed_over()
                    rate = OVERFLOW_FACTOR * self._house.rate_per_s
                    self._bucket = TokenBucket(rate, 2 * rate, self._house.monotonic)
                    self._take = self._through
                    return
                case Kind.REFUSED:
                    self._session.refused_elsewhere()
                    return
                case Kind.CLOSE:
                    return
                case _:
                    await asyncio.sleep(pause_s)  # until the room has another home
        self._session.refuse(BusUnavailable("The room's node could not be found; try again"), wanted.ref)

    async def _enter_here(self, frame: bytes) -> None:
        pending = self._session.receive(frame)
        if pending is not None:
            await pending
        if self._session.registered:
            self._take = self._session.receive

    async def _enter_there(self, node: str, frame: bytes) -> Kind:
        """Open a pipe and wait for the word of the home."""
        self._line, self._pipe = self._house.open(node, self)
        self._arrived = self._reported = 0
        self._outcome = asyncio.get_running_loop().create_future()
        opening = Opening(frame, self._session.refusals)
        self._line.put(Kind.OPEN, self._pipe, msgspec.msgpack.encode(opening))
        try:
            async with asyncio.timeout(REGISTER_TIMEOUT_S):
                return await self._outcome
        except TimeoutError:
            if self._line is not None:
                self._line.put(Kind.CLOSED, self._pipe)
                self._leave_pipe()
            return Kind.BROKEN
        finally:
            self._outcome = None

    def _through(self, frame: bytes) -> None:
        """Once the peer is in a room of another node."""
        line, bucket = self._line, self._bucket
        if line is None or bucket is None or self._connection.closed:
            return
        if len(frame) > MESSAGE_BYTES:
            self._connection.close(CloseCode.MESSAGE_TOO_BIG, f"a message has at most {MESSAGE_BYTES} bytes")
        elif bucket.take():
            line.put(_SAID, self._pipe, frame)
        else:
            line.put(Kind.OVER_RATE, self._pipe)

    def _settle(self, outcome: Kind) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(outcome)

    def _leave_pipe(self) -> None:
        if self._line is not None:
            self._house.shut(self._pipe)
            self._line = None

    def _report_soon(self) -> None:
        if self._connection.buffered == 0:
            self._report()
        else:
            self._connection.when_drained(self._report)

    def _report(self) -> None:
        if self._line is not None:
            self._reported = self._arrived
            self._line.put(Kind.DRAINED, self._pipe, self._arrived)


def registration(frame: bytes) -> Register | None:
    """The frame's `register`, None if it is none that can be understood."""
    if len(frame) > MESSAGE_BYTES:
        return None
    try:
        if decode_envelope(frame).type != "register":
            return None
        request = decode_request(frame)
    except ProtocolError:
        return None
    return request if isinstance(request, Register) else None

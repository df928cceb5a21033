"""The protocol for one connection: what a peer may say before and after it registered, and what it hears back.

No sockets and no clock of its own. The forward path awaits nothing; only a registration may have to.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog
from msgspec import UNSET, Struct, UnsetType

from heliograph_protocol import (
    FORWARDED_TYPES,
    PEER_MESSAGE_TYPE,
    REQUEST_TYPES,
    CloseCode,
    Envelope,
    ErrorCode,
    ProtocolError,
    Received,
    Ref,
    Register,
    ServerDraining,
    decode_envelope,
    decode_request,
    encode,
)
from heliograph_server.errors import DomainError, Unavailable, wire_error
from heliograph_server.inspection.inspectors import Inspectors
from heliograph_server.inspection.operator import Operator
from heliograph_server.ops.limits import TokenBucket
from heliograph_server.ops.metrics import SAMPLE_EVERY, SignalingMetrics
from heliograph_server.signaling.forwarding import Refused, forward
from heliograph_server.signaling.homes import RoomElsewhere
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.links import Delivery
from heliograph_server.signaling.member import Member
from heliograph_server.signaling.registration import Registration
from heliograph_server.signaling.requests import Requests
from heliograph_server.signaling.timers import Timer, Timers
from heliograph_server.transport.connection import MESSAGE_BYTES, Connection

__all__ = ["OVER_RATE_CLOSE_S", "REGISTER_ATTEMPTS", "REGISTER_TIMEOUT_S", "Session", "SessionContext"]

REGISTER_TIMEOUT_S: Final = 10.0
"""A connection that has not registered by then is closed."""

REGISTER_ATTEMPTS: Final = 5
"""With the refusal of this number the connection is closed."""

OVER_RATE_CLOSE_S: Final = 5.0
"""A peer that is over its rate for this long is closed."""

OVER_RATE_NOTICE_S: Final = 1.0
"""A peer over its rate is told at most this often; one that kept to it for as long starts afresh."""

CONFIRMATION_BYTES: Final = 64
"""A confirmation up to this size counts even over the rate. Were it lost, nothing need ever follow that repeats it, and
what waits for the peer, the word about the rate included, would wait until its connection is lost."""

MISSING_FIELDS_REASON: Final = "Missing required fields during registration."
"""The original's words; old clients show them."""

_BUFFERED: Final = Delivery.BUFFERED
_FORWARDED: Final = FORWARDED_TYPES | {PEER_MESSAGE_TYPE}

_log = structlog.get_logger(__name__)


class SessionContext(Struct, frozen=True, kw_only=True):
    """What all sessions of a server share."""

    hub: Hub
    registration: Registration
    requests: Requests
    inspectors: Inspectors
    metrics: SignalingMetrics
    monotonic: Callable[[], float]
    """Seconds; for measuring."""
    timers: Timers
    rate_per_s: int


class Session:
    """One connection's rules and state. `receive` is called for each text frame, `disconnected` once at the end."""

    __slots__ = (
        "_bucket",
        "_connection",
        "_context",
        "_deadline",
        "_dropped_at",
        "_heard",
        "_member",
        "_operator",
        "_over_since",
        "_told_at",
        "_unrecorded_until",
        "_unsampled",
        "refusals",
    )

    def __init__(self, connection: Connection, context: SessionContext, *, refusals: int = 0) -> None:
        self._connection = connection
        self._context = context
        self._member: Member | None = None
        self._operator: Operator | None = None
        self._heard = False
        """Whether the peer has said anything since it registered."""
        self.refusals = refusals
        """How often it was refused before it registered."""
        self._unsampled = 0
        """Forwarded messages since one was timed."""
        self._bucket = TokenBucket(context.rate_per_s, 2 * context.rate_per_s, context.monotonic)
        self._over_since = self._dropped_at = self._told_at = self._unrecorded_until = float("-inf")
        self._deadline: Timer | None = context.timers.call_later(REGISTER_TIMEOUT_S, self._registration_timed_out)
        context.metrics.connections += 1

    @property
    def registered(self) -> bool:
        """Whether the peer is in a room."""
        return self._member is not None

    def receive(self, frame: bytes) -> Awaitable[None] | None:
        """Take one text frame. What it returns, if anything, is to be awaited before the next one."""
        if self._connection.closed:
            return None
        if len(frame) > MESSAGE_BYTES:
            self._connection.close(CloseCode.MESSAGE_TOO_BIG, f"a message has at most {MESSAGE_BYTES} bytes")
            return None
        member = self._member
        if member is not None and not self._heard:
            self._heard = True
            self._context.hub.heard(member)
        if not self._bucket.take():
            self._over_rate(self._bucket.at)
            self._confirm(frame)
            return None
        try:
            envelope = decode_envelope(frame)
        except ProtocolError as error:
            self._refuse(error.code, str(error), error.ref)
            return None
        if member is None:
            return self._before_registration(envelope, frame)
        kind = envelope.type
        try:
            if kind not in _FORWARDED:
                self._answer(member, envelope, frame)
                return None
            delivery = forward(member, envelope, frame)
        except (ProtocolError, Refused) as error:
            self._refuse(error.code, str(error), envelope.ref, about=envelope)
            return None
        metrics = self._context.metrics
        metrics.messages[kind] += 1
        member.room.forwarded += 1
        if self._bucket.at >= self._unrecorded_until and kind != PEER_MESSAGE_TYPE:
            self._unrecorded_until = self._context.hub.chronicle.signal(
                member, envelope, frame, self._bucket.at, buffered=delivery is _BUFFERED
            )
        if self._unsampled == 0:
            metrics.forwarded_in(self._context.monotonic() - self._bucket.at)
        self._unsampled = (self._unsampled + 1) % SAMPLE_EVERY
        return None

    def disconnected(self) -> None:
        """The connection is over, whoever ended it."""
        self._context.metrics.connections -= 1
        self._end_deadline()
        if self._operator is not None:
            self._operator.end()
        if self._member is not None:
            if self._member.link.connection is self._connection:
                self._context.inspectors.stop(self._member)
            self._context.hub.disconnected(self._member, self._connection)
            _log.info("peer.disconnected", room=self._member.room_id, peer=self._member.peer_id)

    def refuse(self, error: DomainError, ref: Ref | UnsetType) -> None:
        """Tell a peer that is not registered why it will not be."""
        self._refuse(error.code, str(error), ref)

    def refused_elsewhere(self) -> None:
        """Another node has told the peer why it is not registered."""
        self.refusals += 1

    def announce_drain(self, reconnect_within_s: int) -> None:
        """Tell a peer of level 2 that the server it is connected to is about to end."""
        if self._member is not None and self._member.resumable:
            self._member.link.notify(encode(ServerDraining(reconnect_within_s=reconnect_within_s)))

    def handed_over(self) -> None:
        """The peer is registered at another node, which says and hears everything from now on."""
        self._end_deadline()

    def _confirm(self, frame: bytes) -> None:
        """Take the frame for what it is if it is a confirmation, and only then."""
        if self._member is None or self._connection.closed or len(frame) > CONFIRMATION_BYTES:
            return
        with suppress(ProtocolError):
            if isinstance(request := decode_request(frame), Received):
                self._context.requests.answer(self._member, request)

    def _answer(self, member: Member, envelope: Envelope, frame: bytes) -> None:
        kind = envelope.type
        if kind not in REQUEST_TYPES:
            self._refuse(ErrorCode.UNKNOWN_MESSAGE_TYPE, f"No message has the type {kind[:64]!r}", envelope.ref)
            return
        self._context.requests.answer(member, decode_request(frame))
        self._context.metrics.message(kind)

    def _before_registration(self, envelope: Envelope, frame: bytes) -> Awaitable[None] | None:
        if envelope.type == "inspect" or self._operator is not None:
            self._operate(envelope, frame)
            return None
        if envelope.type != "register":
            self._refuse(ErrorCode.NOT_REGISTERED, "Register first", envelope.ref)
            return None
        try:
            request = decode_request(frame)
        except ProtocolError as error:
            self._refuse(error.code, str(error), envelope.ref, reason=MISSING_FIELDS_REASON)
            return None
        self._context.metrics.message("register")
        return self._register(request) if isinstance(request, Register) else None

    def _operate(self, envelope: Envelope, frame: bytes) -> None:
        """Take a message of somebody who inspects the server, or wants to."""
        operator = self._operator or Operator(self._context.inspectors, self._connection)
        try:
            operator.hear(envelope, frame)
        except (ProtocolError, Refused) as error:
            self._refuse(error.code, str(error), envelope.ref)
        else:
            self._operator = operator
            self._end_deadline()

    def _register(self, request: Register) -> Awaitable[None] | None:
        try:
            pending = self._context.registration.register(request, self._connection, self._become)
        except Exception as error:  # noqa: BLE001 - see `_turn_away`
            self._turn_away(request, error)
            return None
        return None if pending is None else self._registered_later(request, pending)

    async def _registered_later(self, request: Register, pending: Awaitable[None]) -> None:
        """Raises `RoomElsewhere`, in a cluster."""
        try:
            await pending
        except RoomElsewhere:
            raise
        except Exception as error:  # noqa: BLE001 - see `_turn_away`
            self._turn_away(request, error)

    def _turn_away(self, request: Register, error: Exception) -> None:
        """Tell a peer why it is not registered. A bug must reach the log and the peer, and must not end the others."""
        if not isinstance(error, DomainError | ProtocolError):
            _log.exception("register.failed", room=request.room_id)
            self._refuse(ErrorCode.INTERNAL, "The server made a mistake; it has been logged", request.ref)
            return
        if isinstance(error, Unavailable):
            _log.error("register.unavailable", room=request.room_id, cause=repr(error.__cause__ or error))
        self._context.hub.chronicle.turned_away(request.room_id, request.peer_id, error.code)
        self._refuse(error.code, str(error), request.ref)

    def _become(self, member: Member) -> None:
        self._member = member
        self._end_deadline()
        _log.info("peer.joined", room=member.room_id, peer=member.peer_id, role=member.role)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _registration_timed_out(self) -> None:
        self._deadline = None
        self._connection.close(CloseCode.NOT_THE_PROTOCOL, "did not register in time")

    def _over_rate(self, now: float) -> None:
        if now - self._dropped_at > OVER_RATE_NOTICE_S:
            self._over_since = now
        self._dropped_at = now
        if now - self._over_since >= OVER_RATE_CLOSE_S:
            self._connection.close(CloseCode.OVER_LIMIT, "too many messages")
        elif now - self._told_at >= OVER_RATE_NOTICE_S:
            self._told_at = now
            self._refuse(
                ErrorCode.RATE_LIMITED, f"At most {self._context.rate_per_s} messages a second; one was dropped"
            )

    def _refuse(
        self,
        code: ErrorCode,
        message: str,
        ref: Ref | UnsetType = UNSET,
        *,
        reason: str | None = None,
        about: Envelope | None = None,
    ) -> None:
        self._context.metrics.refused(code)
        frame = encode(wire_error(code, message, ref=ref, reason=reason))
        if self._member is not None:
            self._context.hub.chronicle.refused(self._member, code, about)
            self._member.link.reply(frame)
            return
        self._connection.send(frame)
        if self._operator is not None:
            return
        self.refusals += 1
        if self.refusals >= REGISTER_ATTEMPTS:
            self._connection.close(CloseCode.OVER_LIMIT, "too many attempts to register")

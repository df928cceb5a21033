"""The protocol for one connection: what a peer may say before and after it registered, and what it hears back.

No sockets and no clock of its own. The forward path awaits nothing; only a registration does.
"""

from collections.abc import Awaitable, Callable
from typing import Final, assert_never

import structlog
from msgspec import UNSET, Struct, UnsetType

from heliograph_protocol import (
    FORWARDED_TYPES,
    REQUEST_TYPES,
    AvailablePeers,
    CloseCode,
    Envelope,
    ErrorCode,
    ErrorMessage,
    Ping,
    Pong,
    ProtocolError,
    Query,
    Ref,
    Register,
    RegisteredAuth,
    decode_envelope,
    decode_request,
    encode,
    with_sender,
)
from heliograph_server.errors import DomainError, Unavailable, wire_error
from heliograph_server.ops.limits import TokenBucket
from heliograph_server.ops.metrics import SignalingMetrics
from heliograph_server.signaling.admission import Admission
from heliograph_server.signaling.hub import Hub, Member
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

MISSING_FIELDS_REASON: Final = "Missing required fields during registration."
"""The original's words; old clients show them."""

_log = structlog.get_logger(__name__)


class SessionContext(Struct, frozen=True, kw_only=True):
    """What all sessions of a server share."""

    hub: Hub
    admission: Admission
    metrics: SignalingMetrics
    monotonic: Callable[[], float]
    """Seconds; for waiting and measuring."""
    wall_clock: Callable[[], float]
    """Unix seconds; for telling the time."""
    rate_per_s: int


class Session:
    """One connection's rules and state. `receive` is called for each text frame, `disconnected` once at the end."""

    __slots__ = ("_bucket", "_connection", "_context", "_dropped_at", "_member", "_over_since", "_refusals", "_told_at")

    def __init__(self, connection: Connection, context: SessionContext) -> None:
        self._connection = connection
        self._context = context
        self._member: Member | None = None
        self._refusals = 0
        self._bucket = TokenBucket(context.rate_per_s, 2 * context.rate_per_s, context.monotonic)
        self._over_since = self._dropped_at = self._told_at = float("-inf")

    @property
    def registered(self) -> bool:
        """Whether the peer is in a room."""
        return self._member is not None

    def receive(self, frame: bytes) -> Awaitable[None] | None:
        """Take one text frame. What it returns, if anything, is to be awaited before the next one."""
        if self._connection.closed:
            return None
        started = self._context.monotonic()
        if len(frame) > MESSAGE_BYTES:
            self._connection.close(CloseCode.MESSAGE_TOO_BIG, f"a message has at most {MESSAGE_BYTES} bytes")
            return None
        if not self._bucket.take():
            self._over_rate(started)
            return None
        try:
            envelope = decode_envelope(frame)
            if self._member is None:
                return self._before_registration(envelope, frame)
            if envelope.type in FORWARDED_TYPES:
                self._forward(self._member, envelope, frame, started)
            elif envelope.type in REQUEST_TYPES:
                self._answer(self._member, frame)
            else:
                self._refuse(
                    ErrorCode.UNKNOWN_MESSAGE_TYPE, f"No message has the type {envelope.type[:64]!r}", envelope.ref
                )
        except ProtocolError as error:
            self._refuse(error.code, str(error), error.ref)
        return None

    def registration_timed_out(self) -> None:
        """The time to register is over."""
        if self._member is None:
            self._connection.close(CloseCode.NOT_THE_PROTOCOL, "did not register in time")

    def disconnected(self) -> None:
        """The connection is over, whoever ended it."""
        if self._member is not None:
            self._context.hub.leave(self._member)
            _log.info("peer.left", room=self._member.room_id, peer=self._member.peer_id)

    def _before_registration(self, envelope: Envelope, frame: bytes) -> Awaitable[None] | None:
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

    async def _register(self, request: Register) -> None:
        try:
            user, room = await self._context.admission.admit(request)
            if self._connection.closed:
                return
            self._member = self._context.hub.join(
                room.room_id,
                request.peer_id,
                user=user,
                role=request.role,
                link=self._connection,
                max_peers=room.max_peers,
            )
        except DomainError as error:
            if isinstance(error, Unavailable):
                _log.error("register.unavailable", room=request.room_id, cause=repr(error.__cause__ or error))
            self._refuse(error.code, str(error), request.ref)
            return
        except Exception:  # noqa: BLE001 - a bug must reach the log and the peer, and must not end the others
            _log.exception("register.failed", room=request.room_id)
            self._refuse(ErrorCode.INTERNAL, "The server made a mistake; it has been logged", request.ref)
            return
        _log.info("peer.joined", room=room.room_id, peer=request.peer_id, role=request.role)
        self._reply(RegisteredAuth(room_id=room.room_id, token=request.token, peer_id=request.peer_id, ref=request.ref))

    def _forward(self, member: Member, envelope: Envelope, frame: bytes, started: float) -> None:
        kind, sender, target = envelope.type, envelope.sender, envelope.target
        if sender is UNSET or sender is None:
            frame = with_sender(frame, member.peer_id)
        elif sender != member.peer_id:
            self._refuse(ErrorCode.SENDER_MISMATCH, f"You are {member.peer_id}", envelope.ref)
            return
        if target is UNSET:
            self._refuse(ErrorCode.INVALID_MESSAGE, f"{kind} needs a target", envelope.ref)
        elif self._context.hub.route(member, target, frame):
            self._context.metrics.forwarded(kind, self._context.monotonic() - started)
        else:
            self._refuse(ErrorCode.PEER_NOT_FOUND, f"No peer {target[:128]} in this room", envelope.ref)

    def _answer(self, member: Member, frame: bytes) -> None:
        match decode_request(frame):
            case Query(ref=ref):
                self._context.metrics.message("query")
                self._reply(AvailablePeers(peers=list(member.neighbours), ref=ref))
            case Ping(ref=ref):
                self._context.metrics.message("ping")
                self._reply(Pong(time=int(self._context.wall_clock()), ref=ref))
            case Register(ref=ref):
                self._refuse(ErrorCode.INVALID_MESSAGE, "This connection is registered already", ref)
            case never:
                assert_never(never)

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
        self, code: ErrorCode, message: str, ref: Ref | UnsetType = UNSET, *, reason: str | None = None
    ) -> None:
        self._context.metrics.refused(code)
        self._reply(wire_error(code, message, ref=ref, reason=reason))
        if self._member is None:
            self._refusals += 1
            if self._refusals >= REGISTER_ATTEMPTS:
                self._connection.close(CloseCode.OVER_LIMIT, "too many attempts to register")

    def _reply(self, message: RegisteredAuth | AvailablePeers | Pong | ErrorMessage) -> None:
        self._connection.send(encode(message))

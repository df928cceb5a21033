"""The conversation with the server, without a connection: frames in, events and frames out.

A core lives as long as its client, over all of its connections. The shell (`signaling.client`) tells it when a
connection is lost, sends the frames that `register` and `take` give, and passes every frame that it gets to `receive`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

import msgspec
from msgspec import UNSET

from heliograph.errors import DeliveryUnknown, RateLimited, Refused, SignalingError
from heliograph.events import PeerSignal, Registered, ServerComplaint, SignalingEvent, SignalRefused, Undelivered
from heliograph.refusals import server_refusal
from heliograph.signaling.outbox import Outbound, Outbox, Outgoing
from heliograph.signaling.roster import Roster
from heliograph.signaling.tally import Tally
from heliograph_protocol import (
    Ack,
    Answer,
    AvailablePeers,
    Candidate,
    Claimed,
    ClaimQueued,
    ClaimReleased,
    ErrorMessage,
    GroupsUpdated,
    IceServer,
    Inspection,
    InspectionUpdate,
    InspectStopped,
    Metadata,
    MetadataUpdated,
    Offer,
    PeerAway,
    PeerBack,
    PeerClaimed,
    PeerJoined,
    PeerLeft,
    PeerList,
    PeerMessage,
    PeerUpdated,
    Ping,
    Pong,
    ProtocolError,
    Query,
    Quit,
    Register,
    RegisteredAuth,
    RoomClosed,
    RoomExpiring,
    ServerDraining,
    ServerMessage,
    UnknownMessageType,
    decode_server_message,
    encode,
)

__all__ = ["CoreEvent", "Credentials", "RegistrationRefused", "Replied", "Reply", "RequestRefused", "SignalingCore"]

log = logging.getLogger(__name__)

LEVEL = 2

Reply = AvailablePeers | Pong | PeerList | MetadataUpdated | GroupsUpdated | PeerClaimed | ClaimReleased | Ack


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who registers, and where. `token` is the room's, or a join token; without `groups` they are the token's."""

    room_id: str
    token: str = field(repr=False)
    peer_id: str
    role: str = "peer"
    metadata: Metadata = field(default_factory=Metadata)
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RegistrationRefused:
    """The answer to `register` was an error."""

    error: Refused


@dataclass(frozen=True, slots=True)
class Replied:
    """The answer to what was sent with this ref."""

    ref: int
    reply: Reply


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """What was sent with this ref was refused, or its fate is unknown. `event` is for where nobody waits for it."""

    ref: int
    error: SignalingError
    event: Undelivered | None = None


CoreEvent: TypeAlias = SignalingEvent | RegistrationRefused | Replied | RequestRefused


class SignalingCore:
    """The protocol as a client sees it. Level-1 servers that echo no `ref` are understood too; `clock` gives s."""

    def __init__(self, credentials: Credentials, clock: Callable[[], float]) -> None:
        self._credentials = credentials
        self._metadata = credentials.metadata
        self._groups = credentials.groups
        self._outbox = Outbox(clock)
        self._tally = Tally(clock)
        self._registered: RegisteredAuth | None = None
        self._online = False
        self.roster = Roster()
        self.ice_servers: list[IceServer] = []

    @property
    def credentials(self) -> Credentials:
        """Who registers, and where."""
        return self._credentials

    @property
    def registered(self) -> RegisteredAuth | None:
        """The last reply to `register`: what this peer is and may do in the room."""
        return self._registered

    @property
    def online(self) -> bool:
        """Whether the server has let this peer in over the present connection."""
        return self._online

    @property
    def level(self) -> int:
        """The level of the protocol that the server speaks, as far as is known."""
        return 1 if self._registered is not None and self._registered.session is UNSET else LEVEL

    @property
    def has_room(self) -> bool:
        """Whether a message can be put."""
        return self._outbox.has_room

    @property
    def all_sent(self) -> bool:
        """Whether nothing waits to be sent."""
        return self._outbox.is_empty

    def register(self, id_token: str) -> bytes:
        """The frame that asks to be let in: back into the session, if there was one."""
        return encode(
            Register(
                peer_id=self._credentials.peer_id,
                room_id=self._credentials.room_id,
                token=self._credentials.token,
                id_token=id_token,
                role=self._credentials.role,
                metadata=self._metadata if self._metadata != Metadata() else None,
                groups=UNSET if self._groups is None else list(self._groups),
                protocol=LEVEL,
                resume=self._tally.proof,
            )
        )

    def put(self, message: Outbound, *, always: bool = False) -> int:
        """Queue a message, and return the ref of its answer. See `Outbox.put`."""
        if isinstance(message, PeerSignal):
            message = msgspec.structs.replace(message, sender=self._credentials.peer_id)
        return self._outbox.put(message, always=always)

    def withdraw(self, ref: int) -> bool:
        """Nobody waits for this any more. See `Outbox.withdraw`."""
        return self._outbox.withdraw(ref)

    def leave_at_once(self) -> None:
        """Send nothing any more but `leave`. See `Outbox.leave_at_once`."""
        self._tally.forget()
        self._outbox.leave_at_once()

    def take(self) -> bytes | None:
        """The next frame to send, if one may go now."""
        if self._online and self._tally.delay_s() == 0.0 and self._outbox.count_one():
            return encode(self._tally.confirm())
        return self._outbox.take()

    def delay_s(self) -> float | None:
        """Seconds until `take` may have a frame; None if that does not depend on time."""
        delays = []
        if self._online and (confirming_s := self._tally.delay_s()) is not None:
            delays.append(max(confirming_s, self._outbox.pace_delay_s()))
        if (sending_s := self._outbox.delay_s()) is not None:
            delays.append(sending_s)
        return min(delays, default=None)

    def disconnected(self) -> None:
        """The connection is lost."""
        self._online = False
        self._outbox.disconnected()

    def move(self, room_id: str, token: str) -> None:
        """From now on this peer is in another room."""
        self._credentials = replace(self._credentials, room_id=room_id, token=token)
        self._tally.forget()

    def new_identity(self) -> None:
        """From now on this peer is another user: no session to go back to."""
        self._tally.forget()

    def receive(self, frame: bytes | str) -> list[CoreEvent]:
        """Take in a frame. What it means, in order; nothing if nobody waits for it."""
        if self._online:
            self._tally.add(len(frame))
        try:
            message = decode_server_message(frame)
        except UnknownMessageType:
            return []  # of a later version of the protocol
        except ProtocolError as error:
            log.warning("signaling.frame_ignored reason=%s", error.code)
            return []
        if isinstance(message, RegisteredAuth):
            return [] if self._online else self._enter(message)
        return [event for event in [self._understand(message)] if event is not None]

    def _enter(self, reply: RegisteredAuth) -> list[CoreEvent]:
        self._registered = reply
        self._online = True
        resumed, limits = False, None
        if reply.session is UNSET:
            self._tally.forget()
        else:
            resumed = reply.session.resumed
            limits = None if reply.limits is UNSET else reply.limits
            self._tally.begin(reply.session)
        peers = () if reply.peers is UNSET else tuple(reply.peers)
        self.roster.replace(peers)
        self.ice_servers = [] if reply.ice_servers is UNSET else reply.ice_servers
        registered = Registered(room_id=reply.room_id, peer_id=reply.peer_id, resumed=resumed, peers=peers)
        if resumed and limits is not None:
            self._outbox.resumed(limits)
            return [registered]
        error = DeliveryUnknown("The session was lost before the server said what became of this message")
        return [registered, *(_refused(lost, error) for lost in self._outbox.restarted(limits))]

    def _understand(self, message: ServerMessage) -> CoreEvent | None:
        match message:
            case Offer() | Answer() | Candidate() | Quit():
                return message if _text(message.sender) else None
            case ErrorMessage():
                return self._error(message)
            case AvailablePeers() | Pong():
                return self._reply_of_any_level(message)
            case MetadataUpdated() | GroupsUpdated():
                return self._changed(message)
            case PeerList() | PeerClaimed():
                return self._reply(message)
            case Ack():
                return self._acknowledged(message)
            case ClaimReleased():
                return message if message.ref is UNSET else self._reply(message)
            case ClaimQueued(ref=int(ref)):
                self._outbox.stands_in_line(ref)
                return message
            case PeerJoined() | PeerUpdated() | PeerAway() | PeerBack() | PeerLeft():
                self.roster.take(message)
                return message
            case PeerMessage() | Claimed() | ClaimQueued() | RoomExpiring() | RoomClosed() | ServerDraining():
                return message
            case RegisteredAuth() | Inspection() | InspectionUpdate() | InspectStopped():
                return None
            case never:
                assert_never(never)

    def _reply_of_any_level(self, reply: AvailablePeers | Pong) -> Replied | None:
        if reply.ref is not UNSET:
            return self._reply(reply)
        ref = self._outbox.oldest(Query if isinstance(reply, AvailablePeers) else Ping)
        return None if ref is None or self._outbox.answered(ref) is None else Replied(ref, reply)

    def _changed(self, reply: MetadataUpdated | GroupsUpdated) -> Replied | None:
        """What this peer is now is what it registers as, should it have to do that again."""
        if isinstance(reply, MetadataUpdated):
            self._metadata = reply.metadata
        else:
            self._groups = tuple(reply.groups)
        return self._reply(reply)

    def _reply(self, reply: Reply) -> Replied | None:
        if not isinstance(reply.ref, int):
            return None
        known = self._outbox.answered(reply.ref) is not None
        # A claim that nobody waits for any more is a peer that has to be given back: the shell has to know.
        return Replied(reply.ref, reply) if known or isinstance(reply, PeerClaimed) else None

    def _acknowledged(self, ack: Ack) -> Replied | None:
        outgoing = self._outbox.answered(ack.ref) if isinstance(ack.ref, int) else None
        if outgoing is None:
            return None
        if ack.status == "buffered":
            self._outbox.keep_buffered(outgoing)
        return Replied(outgoing.ref, ack)

    def _error(self, message: ErrorMessage) -> CoreEvent:
        if _text(message.sender) and _text(message.target):
            return message
        error = server_refusal(message)
        if not self._online:
            return RegistrationRefused(error)
        if isinstance(message.ref, int):
            outgoing = self._outbox.answered(message.ref) or self._outbox.undelivered(message.ref)
            if outgoing is not None:
                return _refused(outgoing, error)
        elif isinstance(error, RateLimited):
            self._outbox.rate_limited()
        return ServerComplaint(error)


def _refused(outgoing: Outgoing, error: SignalingError) -> SignalRefused | RequestRefused:
    message = outgoing.message
    match message:
        case Offer() | Answer() | Candidate() | Quit() | ErrorMessage():
            return SignalRefused(_text(message.target) or "", _text(message.connection_id), error)
        case PeerMessage():
            to = _text(message.to_peer_id) or _text(message.to_group) or ""
            return RequestRefused(outgoing.ref, error, Undelivered(message, to, error))
        case _:
            return RequestRefused(outgoing.ref, error)


def _text(value: object) -> str | None:
    return None if value is UNSET or not isinstance(value, str) else value

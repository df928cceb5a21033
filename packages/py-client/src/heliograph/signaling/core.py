"""One connection's conversation with the server, without the connection: frames in, events and frames out.

A core lives as long as one WebSocket. The shell (`signaling.client`) sends the frames that the methods return, passes
every frame that it gets to `receive`, and makes a new core when it connects again.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET

from heliograph.errors import Refused, server_refusal
from heliograph.events import PeerSignal, Registered, ServerComplaint, SignalRefused
from heliograph_protocol import (
    Answer,
    AvailablePeers,
    Candidate,
    ErrorMessage,
    Offer,
    Ping,
    Pong,
    ProtocolError,
    Query,
    Quit,
    Register,
    RegisteredAuth,
    UnknownMessageType,
    decode_server_message,
    encode,
)

__all__ = ["CoreEvent", "Credentials", "RegistrationRefused", "Replied", "RequestRefused", "SignalingCore"]

log = logging.getLogger(__name__)

REMEMBERED_SIGNALS = 1024
"""Signals whose refusal can still be told apart; a server refuses at once, so older ones were delivered."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who registers, and where. `token` is the room's."""

    room_id: str
    token: str = field(repr=False)
    peer_id: str
    role: str = "peer"


@dataclass(frozen=True, slots=True)
class RegistrationRefused:
    """The answer to `register` was an error."""

    error: Refused


@dataclass(frozen=True, slots=True)
class Replied:
    """The answer to the question `ref`: the peers of a room, or the server's time."""

    ref: int
    value: list[str] | int


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The server refused the question `ref`."""

    ref: int
    error: Refused


CoreEvent = PeerSignal | Registered | RegistrationRefused | Replied | RequestRefused | SignalRefused | ServerComplaint


class SignalingCore:
    """The protocol as a client sees it. Level-1 servers that echo no `ref` are understood too."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._registered = False
        self._last_ref = 0
        self._questions: OrderedDict[int, type[Query | Ping]] = OrderedDict()
        self._signals: OrderedDict[int, tuple[str, str | None]] = OrderedDict()

    @property
    def registered(self) -> bool:
        """Whether the server has let this peer into the room."""
        return self._registered

    def register(self, id_token: str) -> bytes:
        """The frame that asks to be let in."""
        return encode(
            Register(
                peer_id=self._credentials.peer_id,
                room_id=self._credentials.room_id,
                token=self._credentials.token,
                id_token=id_token,
                role=self._credentials.role,
            )
        )

    def query(self) -> tuple[int, bytes]:
        """A question for the ids of the peers in the room: its ref and its frame."""
        return self._ask(Query)

    def ping(self) -> tuple[int, bytes]:
        """A question for the server's time: its ref and its frame."""
        return self._ask(Ping)

    def forget(self, ref: int) -> None:
        """Nobody waits for this answer any more."""
        self._questions.pop(ref, None)

    def signal(self, signal: PeerSignal) -> bytes:
        """The frame of a signal for its target; the server's refusal of it will be told as `SignalRefused`."""
        ref = self._next_ref()
        target = signal.target if isinstance(signal.target, str) else ""
        self._signals[ref] = (target, _text(signal.connection_id))
        while len(self._signals) > REMEMBERED_SIGNALS:
            self._signals.popitem(last=False)
        return encode(msgspec.structs.replace(signal, ref=ref, sender=self._credentials.peer_id))

    def receive(self, frame: bytes | str) -> CoreEvent | None:
        """Take in a frame. None if it says nothing that anybody waits for."""
        try:
            message = decode_server_message(frame)
        except UnknownMessageType:
            return None  # of a later version of the protocol
        except ProtocolError as error:
            log.warning("signaling.frame_ignored reason=%s", error.code)
            return None
        match message:
            case RegisteredAuth():
                self._registered = True
                return Registered(room_id=message.room_id, peer_id=message.peer_id)
            case Offer() | Answer() | Candidate() | Quit():
                return message if _text(message.sender) else None
            case AvailablePeers():
                return self._reply(Query, message.ref, message.peers)
            case Pong():
                return self._reply(Ping, message.ref, message.time)
            case ErrorMessage():
                return self._error(message)
            case _:
                return None  # of level 2, which this connection has not asked for

    def _ask(self, kind: type[Query | Ping]) -> tuple[int, bytes]:
        ref = self._next_ref()
        self._questions[ref] = kind
        return ref, encode(kind(ref=ref))

    def _reply(self, kind: type[Query | Ping], ref: object, value: list[str] | int) -> Replied | None:
        if not isinstance(ref, int):  # no ref came back: answers come in the order of the questions
            ref = next((asked for asked, asked_kind in self._questions.items() if asked_kind is kind), None)
        if ref is None or self._questions.pop(ref, None) is None:
            return None
        return Replied(ref=ref, value=value)

    def _error(self, message: ErrorMessage) -> CoreEvent:
        if _text(message.sender) and _text(message.target):
            return message
        error = server_refusal(message)
        if not self._registered:
            return RegistrationRefused(error)
        if isinstance(message.ref, int):
            if self._questions.pop(message.ref, None) is not None:
                return RequestRefused(ref=message.ref, error=error)
            if refused := self._signals.pop(message.ref, None):
                return SignalRefused(target=refused[0], connection_id=refused[1], error=error)
        return ServerComplaint(error)

    def _next_ref(self) -> int:
        self._last_ref += 1
        return self._last_ref


def _text(value: object) -> str | None:
    return None if value is UNSET or not isinstance(value, str) else value

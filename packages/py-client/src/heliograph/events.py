"""What a `SignalingClient`, a session and a worker tell whoever iterates over their events."""

from __future__ import annotations

from dataclasses import dataclass

from heliograph.api import Room
from heliograph.errors import HeliographError, Refused, SignalingError
from heliograph_protocol import (
    Answer,
    Candidate,
    Claimed,
    ClaimQueued,
    ClaimReleased,
    ErrorMessage,
    Offer,
    Peer,
    PeerAway,
    PeerBack,
    PeerJoined,
    PeerLeft,
    PeerMessage,
    PeerUpdated,
    Quit,
    RoomClosed,
    RoomExpiring,
    ServerDraining,
)

__all__ = [
    "ConnectionEvent",
    "Disconnected",
    "PeerSignal",
    "Reconnected",
    "Reconnecting",
    "Registered",
    "RoomEvent",
    "RoomRecreated",
    "ServerComplaint",
    "SignalRefused",
    "SignalingEvent",
    "Undelivered",
]


@dataclass(frozen=True, slots=True)
class Registered:
    """This peer is in the room, for the first time or again after the connection to the server dropped.

    With `resumed` nothing was lost meanwhile. Without, it is a new session: `peers` has everyone in sight, and what
    else was known of them no longer counts.
    """

    room_id: str
    peer_id: str
    resumed: bool = False
    peers: tuple[Peer, ...] = ()


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The socket to the server dropped; the client connects again by itself. Data channels are not concerned."""

    cause: SignalingError


@dataclass(frozen=True, slots=True)
class RoomRecreated:
    """The room was gone, and with `keep_room` another one is in its place: others need its link or its token.

    A `Registered` event follows.
    """

    room: Room


@dataclass(frozen=True, slots=True)
class SignalRefused:
    """The server did not deliver a signal of ours, or nobody knows whether it did."""

    target: str
    connection_id: str | None
    error: SignalingError


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message of ours, sent without waiting for its ack or kept for a peer that was away, was not delivered.

    `to` is the peer or, in a broadcast, the group. With a `DeliveryUnknown` as `error`, nobody knows whether it was.
    """

    message: PeerMessage
    to: str
    error: SignalingError


@dataclass(frozen=True, slots=True)
class ServerComplaint:
    """An `error` of the server that belongs to no message that is known to this client."""

    error: Refused


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The path to the peer is lost, and another one is being made. Channels wait."""

    peer_id: str
    cause: HeliographError


@dataclass(frozen=True, slots=True)
class Reconnected:
    """There is another path, and the channels are back on it.

    On each of them the last messages that were sent before the cut may be lost: those that arrived are all that were
    sent up to some message, on a channel that is ordered and reliable. Nothing came twice. With `kept=False` the peer
    knew nothing of the connection, as it was started anew: its handlers run from the start, and the channels
    that it had opened are closed.
    """

    peer_id: str
    kept: bool


ConnectionEvent = Reconnecting | Reconnected
"""What happens to a connection, besides its end."""

PeerSignal = Offer | Answer | Candidate | Quit | ErrorMessage
"""What other peers send; an `ErrorMessage` here always has a `target`."""

RoomEvent = (
    Registered
    | Disconnected
    | PeerMessage
    | Undelivered
    | PeerJoined
    | PeerUpdated
    | PeerAway
    | PeerBack
    | PeerLeft
    | Claimed
    | ClaimQueued
    | ClaimReleased
    | RoomExpiring
    | RoomClosed
    | RoomRecreated
    | ServerDraining
    | ServerComplaint
)
"""What happens in a room, beside connections being made."""

SignalingEvent = PeerSignal | SignalRefused | RoomEvent
"""What a `SignalingClient` tells: signals of peers, own ones that were not delivered, and what else happens."""

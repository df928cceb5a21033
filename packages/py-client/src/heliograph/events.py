"""What a `SignalingClient` tells whoever iterates over it, besides the signals of other peers."""

from dataclasses import dataclass

from heliograph.errors import Refused, SignalingError
from heliograph_protocol import Answer, Candidate, ErrorMessage, Offer, Quit

__all__ = ["Disconnected", "PeerSignal", "Registered", "ServerComplaint", "SignalRefused", "SignalingEvent"]


@dataclass(frozen=True, slots=True)
class Registered:
    """This peer is in the room, for the first time or again after the socket dropped."""

    room_id: str
    peer_id: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The socket to the server dropped; the client connects again by itself. Data channels are not concerned."""

    cause: SignalingError


@dataclass(frozen=True, slots=True)
class SignalRefused:
    """The server did not deliver a signal of ours."""

    target: str
    connection_id: str | None
    error: Refused


@dataclass(frozen=True, slots=True)
class ServerComplaint:
    """An `error` of the server that belongs to no message that is known to this client."""

    error: Refused


PeerSignal = Offer | Answer | Candidate | Quit | ErrorMessage
"""What other peers send; an `ErrorMessage` here always has a `target`."""

SignalingEvent = PeerSignal | Registered | Disconnected | SignalRefused | ServerComplaint

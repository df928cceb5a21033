"""What the server tells level 2 peers without being asked."""

from typing import Annotated, Literal

from msgspec import Meta

from heliograph_protocol.message import Message
from heliograph_protocol.peers import Peer

__all__ = [
    "PeerAway",
    "PeerBack",
    "PeerJoined",
    "PeerLeft",
    "PeerUpdated",
    "RoomClosed",
    "RoomExpiring",
    "ServerDraining",
]


class PeerJoined(Message, frozen=True, kw_only=True, tag="peer_joined"):
    """A peer has come into sight."""

    peer: Peer


class PeerUpdated(Message, frozen=True, kw_only=True, tag="peer_updated"):
    """A peer's role, metadata or groups have changed."""

    peer: Peer


class PeerAway(Message, frozen=True, kw_only=True, tag="peer_away"):
    """A peer's connection is lost; it may come back within its resume window."""

    peer: Peer


class PeerBack(Message, frozen=True, kw_only=True, tag="peer_back"):
    """A peer that was away is back."""

    peer: Peer


class PeerLeft(Message, frozen=True, kw_only=True, tag="peer_left"):
    """A peer has gone out of sight."""

    peer: Peer
    reason: Literal["left", "timed_out", "removed", "replaced", "room_closed"]


class RoomExpiring(Message, frozen=True, kw_only=True, tag="room_expiring"):
    """Soon nobody can register any more; those inside may stay."""

    expires_at: Annotated[int, Meta(description="Unix seconds")]


class RoomClosed(Message, frozen=True, kw_only=True, tag="room_closed"):
    """The room is gone; the socket closes with 4003."""

    reason: str


class ServerDraining(Message, frozen=True, kw_only=True, tag="server_draining"):
    """The server is about to restart: reconnect within that time and resume."""

    reconnect_within_s: Annotated[int, Meta(description="Seconds")]

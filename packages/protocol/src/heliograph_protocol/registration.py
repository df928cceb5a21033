"""The way in: `register`, and its reply."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from heliograph_protocol.message import Grant, Message, PeerId
from heliograph_protocol.peers import Groups, Metadata, Peer

__all__ = ["IceServer", "Limits", "Register", "RegisteredAuth", "Resume", "SessionInfo"]


class Resume(Struct, frozen=True, kw_only=True):
    """Proof of an earlier session, and how many of its messages arrived after `registered_auth`."""

    session_id: str
    secret: str
    received: Annotated[int, Meta(ge=0)] = 0


class Register(Message, frozen=True, kw_only=True, tag="register"):
    """The first message of a connection: who I am, which room, and the proofs for both."""

    peer_id: PeerId
    room_id: Annotated[str, Meta(min_length=1)]
    token: Annotated[str, Meta(min_length=1, description="The room's token, or a join token")]
    id_token: Annotated[str, Meta(min_length=1, description="JWT from the identity provider")]
    role: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    metadata: Metadata | None = None
    groups: Groups | UnsetType = UNSET
    protocol: Annotated[int, Meta(ge=1, description="2 opts in to level 2")] = 1
    resume: Resume | None = None


class SessionInfo(Struct, frozen=True, kw_only=True):
    """What a client needs to resume. The secret changes with every registration."""

    session_id: str
    secret: str
    resume_window_s: Annotated[int, Meta(description="Seconds")]
    resumed: Annotated[bool, Meta(description="Whether this is the session that was asked for")]


class IceServer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RTCIceServer (W3C WebRTC section 4.2.2)."""

    urls: list[str]
    username: str | UnsetType = UNSET
    credential: str | UnsetType = UNSET


class Limits(Struct, frozen=True, kw_only=True):
    """What the server takes from one connection."""

    message_bytes: int
    messages_per_s: int


class RegisteredAuth(Message, frozen=True, kw_only=True, tag="registered_auth"):
    """The registration succeeded. `token` is the one that was sent. From `role` on: level 2 only."""

    room_id: str
    token: str
    peer_id: str
    role: str | UnsetType = UNSET
    grants: list[Grant] | UnsetType = UNSET
    expires_at: Annotated[int, Meta(description="Unix seconds; nobody registers after that")] | UnsetType = UNSET
    session: SessionInfo | UnsetType = UNSET
    ice_servers: list[IceServer] | UnsetType = UNSET
    peers: list[Peer] | UnsetType = UNSET
    limits: Limits | UnsetType = UNSET

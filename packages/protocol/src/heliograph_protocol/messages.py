"""Every message of the signaling wire, one frozen Struct each, tagged by `type`.

`ClientMessage` is what a client may send, `ServerMessage` what it may receive. Forwarded signals (`offer`, `answer`,
`candidate`, `quit`, and an `error` that names a `target`) are in both: a server passes them on as it got them, so
fields beyond those named here reach the receiver too.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from heliograph_protocol.peers import Filters, Groups, Metadata, Peer

__all__ = [
    "PEER_ID_PATTERN",
    "Ack",
    "Answer",
    "AvailablePeers",
    "Candidate",
    "ClaimPeer",
    "ClaimQueued",
    "ClaimReleased",
    "Claimed",
    "ClientMessage",
    "DiscoverPeers",
    "ErrorMessage",
    "Grant",
    "GroupsUpdated",
    "IceCandidateInit",
    "IceServer",
    "Leave",
    "Limits",
    "Message",
    "MetadataUpdated",
    "Offer",
    "PeerAway",
    "PeerBack",
    "PeerClaimed",
    "PeerId",
    "PeerJoined",
    "PeerLeft",
    "PeerList",
    "PeerMessage",
    "PeerUpdated",
    "Ping",
    "Pong",
    "Query",
    "Quit",
    "Received",
    "Ref",
    "Register",
    "RegisteredAuth",
    "ReleaseClaim",
    "Resume",
    "RoomClosed",
    "RoomExpiring",
    "ServerDraining",
    "ServerMessage",
    "SessionInfo",
    "SetGroups",
    "Signal",
    "UpdateMetadata",
]

PEER_ID_PATTERN = r"^[A-Za-z0-9._:@-]{1,128}$(?!\n)"
"""In Python, `$` alone also matches before a final newline."""

PeerId = Annotated[str, Meta(pattern=PEER_ID_PATTERN, description="1 to 128 characters of A-Za-z0-9._:@-")]
Ref = Annotated[str | int, Meta(description="Chosen by the sender; the reply or error carries the same value")]

Grant = Literal["discover", "signal", "message", "broadcast", "claim", "manage"]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What all messages share."""

    ref: Ref | UnsetType = UNSET


class Signal(Message, frozen=True, kw_only=True):
    """What all forwarded messages share.

    `sender` may be left out or null on the way to the server, which fills it in; a receiver always finds it.
    `connection_id` is a convention between the SDKs: it tells one connection attempt of two peers from the next.
    """

    target: str
    sender: str | UnsetType | None = UNSET
    connection_id: str | UnsetType = UNSET


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


class IceCandidateInit(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """RTCIceCandidateInit (W3C WebRTC section 4.8.1.1). An empty `candidate` marks the end of candidates."""

    candidate: str = ""
    sdp_mid: str | None = None
    sdp_m_line_index: Annotated[int, Meta(ge=0, le=65535)] | None = None
    username_fragment: str | None = None


class Offer(Signal, frozen=True, kw_only=True, tag="offer"):
    """An SDP offer (RFC 8829), forwarded to `target`."""

    sdp: str


class Answer(Signal, frozen=True, kw_only=True, tag="answer"):
    """An SDP answer, forwarded to `target`."""

    sdp: str


class Candidate(Signal, frozen=True, kw_only=True, tag="candidate"):
    """One trickled ICE candidate (RFC 8838), forwarded to `target`; null after the last one."""

    candidate: IceCandidateInit | str | None


class Quit(Signal, frozen=True, kw_only=True, tag="quit"):
    """The sender ends its connection with `target`."""


class ErrorMessage(Message, frozen=True, kw_only=True, tag="error"):
    """A refusal. From the server: `code`, `message` for people, `reason` in the original's words.

    With a `target` it is a forwarded signal of one peer to another (a worker that refuses an offer, say).
    """

    code: str = ""
    message: str = ""
    reason: str = ""
    target: str | UnsetType = UNSET
    sender: str | UnsetType | None = UNSET
    connection_id: str | UnsetType = UNSET


class Query(Message, frozen=True, kw_only=True, tag="query"):
    """Asks for the ids of the peers in the room."""


class AvailablePeers(Message, frozen=True, kw_only=True, tag="available_peers"):
    """The ids of all peers in the room, the asker's own included."""

    peers: list[str]


class Ping(Message, frozen=True, kw_only=True, tag="ping"):
    """Asks the server for a sign of life. (WebSocket pings are answered too; a browser cannot send those.)"""


class Pong(Message, frozen=True, kw_only=True, tag="pong"):
    """The answer to `ping`; `time` is the server's clock in Unix seconds."""

    time: int


class DiscoverPeers(Message, frozen=True, kw_only=True, tag="discover_peers"):
    """Asks for the peers that pass the filters, all if there are none; never oneself."""

    filters: Filters = Filters()
    from_peer_id: str | UnsetType = UNSET
    peer_id: str | UnsetType = UNSET


class PeerList(Message, frozen=True, kw_only=True, tag="peer_list"):
    """The answer to `discover_peers`."""

    to_peer_id: str
    count: int
    peers: list[Peer]


class UpdateMetadata(Message, frozen=True, kw_only=True, tag="update_metadata"):
    """Changes one's metadata: tags are united, properties merged, a null property removed."""

    metadata: Metadata
    from_peer_id: str | UnsetType = UNSET
    peer_id: str | UnsetType = UNSET


class MetadataUpdated(Message, frozen=True, kw_only=True, tag="metadata_updated"):
    """The answer to `update_metadata`: all of the metadata as it is now."""

    peer_id: str
    metadata: Metadata


class SetGroups(Message, frozen=True, kw_only=True, tag="set_groups"):
    """Replaces one's groups."""

    groups: Groups


class GroupsUpdated(Message, frozen=True, kw_only=True, tag="groups_updated"):
    """The answer to `set_groups`."""

    groups: list[str]


class PeerMessage(Message, frozen=True, kw_only=True, tag="peer_message"):
    """An application's message, to one peer or to everyone else in a group of the sender's; any JSON as payload."""

    payload: Any = None
    to_peer_id: str | UnsetType = UNSET
    to_group: str | UnsetType = UNSET
    from_peer_id: Annotated[str, Meta(description="Set by the server")] | UnsetType | None = UNSET


class Leave(Message, frozen=True, kw_only=True, tag="leave"):
    """Leaves for good: the socket closes with 1000, and there is no session to resume."""


class ClaimPeer(Message, frozen=True, kw_only=True, tag="claim_peer"):
    """Asks for one peer for oneself; with `wait_s` it waits in line for one."""

    filters: Filters = Filters()
    ttl_s: Annotated[int, Meta(ge=1, le=3600, description="Seconds until the claim ends by itself")] = 60
    wait_s: Annotated[int, Meta(ge=0, le=3600, description="Seconds to wait in line")] = 0


class PeerClaimed(Message, frozen=True, kw_only=True, tag="peer_claimed"):
    """The claim is made."""

    claim_id: str
    peer: Peer
    expires_at: Annotated[int, Meta(description="Unix seconds")]


class ClaimQueued(Message, frozen=True, kw_only=True, tag="claim_queued"):
    """No such peer is free; the claim waits. Told again when the position changes. The next in line is 1."""

    position: int


class ReleaseClaim(Message, frozen=True, kw_only=True, tag="release_claim"):
    """Gives a claimed peer back."""

    claim_id: str


class ClaimReleased(Message, frozen=True, kw_only=True, tag="claim_released"):
    """The claim is over. The answer to `release_claim`; with `reason` a push to who held it or was held."""

    claim_id: str
    reason: Literal["released", "expired", "left"] | UnsetType = UNSET


class Claimed(Message, frozen=True, kw_only=True, tag="claimed"):
    """Tells a peer that it was claimed (level 2)."""

    claim_id: str
    by: str


class Ack(Message, frozen=True, kw_only=True, tag="ack"):
    """What became of a forwarded message that had a `ref` (level 2)."""

    status: Literal["delivered", "buffered"]


class Received(Message, frozen=True, kw_only=True, tag="received"):
    """Confirms the first `count` messages of this session after `registered_auth`; they need not be kept (level 2)."""

    count: Annotated[int, Meta(ge=0)]


class PeerJoined(Message, frozen=True, kw_only=True, tag="peer_joined"):
    """A peer has come into sight."""

    peer: Peer


class PeerUpdated(Message, frozen=True, kw_only=True, tag="peer_updated"):
    """A peer's metadata, groups or claims have changed."""

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


ClientMessage = (
    Register
    | Offer
    | Answer
    | Candidate
    | Quit
    | ErrorMessage
    | Query
    | Ping
    | DiscoverPeers
    | UpdateMetadata
    | SetGroups
    | PeerMessage
    | Leave
    | ClaimPeer
    | ReleaseClaim
    | Received
)
ServerMessage = (
    RegisteredAuth
    | Offer
    | Answer
    | Candidate
    | Quit
    | ErrorMessage
    | AvailablePeers
    | Pong
    | PeerList
    | MetadataUpdated
    | GroupsUpdated
    | PeerMessage
    | PeerClaimed
    | ClaimQueued
    | ClaimReleased
    | Claimed
    | Ack
    | PeerJoined
    | PeerUpdated
    | PeerAway
    | PeerBack
    | PeerLeft
    | RoomExpiring
    | RoomClosed
    | ServerDraining
)

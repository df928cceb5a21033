"""Every message of the signaling wire, one frozen Struct each, tagged by `type`.

`ClientMessage` is what a client may send, `ServerMessage` what it may receive. Forwarded signals (`offer`, `answer`,
`candidate`, `quit`, and an `error` that names a `target`) are in both: a server passes them on as it got them, so
fields beyond those named here reach the receiver too.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = [
    "PEER_ID_PATTERN",
    "Answer",
    "AvailablePeers",
    "Candidate",
    "ClientMessage",
    "ErrorMessage",
    "IceCandidateInit",
    "Message",
    "Offer",
    "PeerId",
    "Ping",
    "Pong",
    "Query",
    "Quit",
    "Ref",
    "Register",
    "RegisteredAuth",
    "ServerMessage",
    "Signal",
]

PEER_ID_PATTERN = r"^[A-Za-z0-9._:@-]{1,128}$(?!\n)"
"""In Python, `$` alone also matches before a final newline."""

PeerId = Annotated[str, Meta(pattern=PEER_ID_PATTERN, description="1 to 128 characters of A-Za-z0-9._:@-")]
Ref = Annotated[str | int, Meta(description="Chosen by the sender; the reply or error carries the same value")]


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


class Register(Message, frozen=True, kw_only=True, tag="register"):
    """The first message of a connection: who I am, which room, and the proofs for both."""

    peer_id: PeerId
    room_id: Annotated[str, Meta(min_length=1)]
    token: Annotated[str, Meta(min_length=1, description="The room's token")]
    id_token: Annotated[str, Meta(min_length=1, description="JWT from the identity provider")]
    role: Annotated[str, Meta(min_length=1, max_length=64)] = "peer"


class RegisteredAuth(Message, frozen=True, kw_only=True, tag="registered_auth"):
    """The registration succeeded. `token` is the one that was sent."""

    room_id: str
    token: str
    peer_id: str


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


ClientMessage = Register | Offer | Answer | Candidate | Quit | ErrorMessage | Query | Ping
ServerMessage = RegisteredAuth | Offer | Answer | Candidate | Quit | ErrorMessage | AvailablePeers | Pong

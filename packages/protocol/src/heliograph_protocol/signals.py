"""What peers say to each other through the server, and what becomes of it."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from heliograph_protocol.message import Message, Signal

__all__ = ["Ack", "Answer", "Candidate", "ErrorMessage", "IceCandidateInit", "Offer", "PeerMessage", "Quit", "Received"]


class IceCandidateInit(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """RTCIceCandidateInit (W3C WebRTC section 4.8.1.1). An empty `candidate` marks the end of candidates."""

    candidate: str = ""
    sdp_mid: str | None = None
    sdp_m_line_index: Annotated[int, Meta(ge=0, le=65535)] | None = None
    username_fragment: str | None = None


class Offer(Signal, frozen=True, kw_only=True, tag="offer"):
    """An SDP offer (RFC 8829), forwarded to `target`.

    With `ice_restart` its sender takes another offer of the same `connection_id` when it is connected: an ICE restart.
    """

    sdp: str
    ice_restart: bool | UnsetType = UNSET


class Answer(Signal, frozen=True, kw_only=True, tag="answer"):
    """An SDP answer, forwarded to `target`.

    With `ice_restart` its sender takes another offer of the same `connection_id` when it is connected: an ICE restart.
    """

    sdp: str
    ice_restart: bool | UnsetType = UNSET


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


class PeerMessage(Message, frozen=True, kw_only=True, tag="peer_message"):
    """An application's message, to one peer or to everyone else in a group of the sender's; any JSON as payload."""

    payload: Any = None
    to_peer_id: str | UnsetType = UNSET
    to_group: str | UnsetType = UNSET
    from_peer_id: Annotated[str, Meta(description="Set by the server")] | UnsetType | None = UNSET


class Ack(Message, frozen=True, kw_only=True, tag="ack"):
    """What became of a forwarded message that had a `ref` (level 2)."""

    status: Literal["delivered", "buffered"]


class Received(Message, frozen=True, kw_only=True, tag="received"):
    """Confirms the first `count` messages of this session after `registered_auth`; they need not be kept (level 2)."""

    count: Annotated[int, Meta(ge=0)]

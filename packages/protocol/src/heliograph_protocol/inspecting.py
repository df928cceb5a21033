"""Watching a room, or a whole server: who is there, who has signalled whom, and what became of it.

No report holds SDP, an address, a token, or anything else that a peer wrote freely: only names, sizes, counts, and
words from fixed lists.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from heliograph_protocol.message import Grant, Message, PeerId

__all__ = [
    "CandidateType",
    "Diagnosis",
    "Inspect",
    "InspectStop",
    "InspectStopped",
    "Inspection",
    "InspectionUpdate",
    "NodeReport",
    "PairReport",
    "PeerReport",
    "PeerStatus",
    "Report",
    "RoomReport",
    "RoomRow",
    "ServerReport",
    "TimelineEntry",
    "TimelineEvent",
]

CandidateType = Literal["host", "srflx", "prflx", "relay", "unknown"]
"""RFC 8839 section 5.1, and what says none of these."""

PeerStatus = Literal["online", "away", "gone"]

TimelineEvent = Literal[
    "registered",
    "turned_away",
    "away",
    "back",
    "left",
    "replaced",
    "regrouped",
    "claim_waits",
    "claimed",
    "claim_ended",
    "offer",
    "answer",
    "candidate",
    "quit",
    "error",
    "refused",
    "undelivered",
    "not_recorded",
    "connected",
    "failed",
    "closed",
]


class Inspect(Message, frozen=True, kw_only=True, tag="inspect"):
    """Asks for a view of the sender's room, which needs `manage`, and for what changes in it from then on (level 2).

    A connection that has not registered may give the `operator_token` instead; it then sees the whole server, or the
    room that it names, and may ask again for another view. With `peers` the timeline is that of one, or of two.
    """

    operator_token: Annotated[str, Meta(description="Only where nobody has registered")] | UnsetType = UNSET
    room_id: Annotated[str, Meta(min_length=1, description="For operators")] | UnsetType = UNSET
    peers: Annotated[list[PeerId], Meta(max_length=2)] = field(default_factory=list)


class InspectStop(Message, frozen=True, kw_only=True, tag="inspect_stop"):
    """Asks for no more `inspection_update`."""


class InspectStopped(Message, frozen=True, kw_only=True, tag="inspect_stopped"):
    """The answer to `inspect_stop`."""


class Report(Message, frozen=True, kw_only=True, tag="report"):
    """Says what became of this peer's connection with another, for those who inspect; there is no answer (level 2)."""

    peer_id: PeerId
    state: Literal["connected", "failed", "closed"]
    local: Annotated[CandidateType, Meta(description="Of the path's own end")] | UnsetType = UNSET
    remote: Annotated[CandidateType, Meta(description="Of the path's other end")] | UnsetType = UNSET
    took_ms: Annotated[int, Meta(ge=0, le=3_600_000)] | UnsetType = UNSET


class TimelineEntry(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that happened to `peer`, or that it said `to` another."""

    at: Annotated[float, Meta(description="Unix seconds")]
    event: TimelineEvent
    peer: str
    to: str | UnsetType = UNSET
    outcome: Literal["delivered", "buffered"] | UnsetType = UNSET
    code: Annotated[str, Meta(description="Of the refusal")] | UnsetType = UNSET
    said: Annotated[str, Meta(description="The type of the message that was refused")] | UnsetType = UNSET
    reason: Annotated[str, Meta(description="Of an `error` where it is a known one, or of an end")] | UnsetType = UNSET
    closed_by: (
        Annotated[
            Literal["peer", "server", "network"],
            Meta(description="Who ended the connection; absent where that is not known"),
        ]
        | UnsetType
    ) = UNSET
    close_code: (
        Annotated[int, Meta(description="Of its close frame (RFC 6455 section 7.4), if there was one")] | UnsetType
    ) = UNSET
    count: Annotated[int, Meta(description="How often, one after the other; absent for once")] = 1
    attempt: Annotated[int, Meta(description="Which connection between the two, from 1")] = 0
    size: Annotated[int, Meta(description="Bytes of the message")] = 0
    candidates: Annotated[tuple[str, ...], Meta(description="Types: of a candidate, or of those in an SDP")] = ()
    transport: Literal["udp", "tcp"] | UnsetType = UNSET
    end: Annotated[bool, Meta(description="Whether this says that no more candidates come")] = False
    restart: Annotated[bool, Meta(description="Whether this offer is one more of the same connection")] = False
    role: str | UnsetType = UNSET
    level: int | UnsetType = UNSET
    local: str | UnsetType = UNSET
    remote: str | UnsetType = UNSET
    took_ms: int | UnsetType = UNSET


class PeerReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A peer as those who inspect see it, also for some minutes after it has gone."""

    peer_id: str
    status: PeerStatus
    since: Annotated[float, Meta(description="Of the status, in Unix seconds")]
    role: str = ""
    level: int = 1
    groups: list[str] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    claims: Annotated[list[str], Meta(description="Peers on which it holds claims")] = field(default_factory=list)
    claimed_by: list[str] = field(default_factory=list)
    refusals: Annotated[int, Meta(description="Messages of it that were refused")] = 0


class Diagnosis(Struct, frozen=True, kw_only=True):
    """Why two peers are not connected, or that they are, as far as their signaling shows."""

    verdict: Annotated[str, Meta(description="Stable: programs branch on it")]
    mood: Literal["good", "waiting", "trouble", "unknown"]
    title: str
    advice: str


class PairReport(Struct, frozen=True, kw_only=True):
    """Two peers of which one has signalled the other."""

    a: str
    b: str
    sent: Annotated[int, Meta(description="Signals from a to b, as far as they were recorded")]
    received: Annotated[int, Meta(description="Signals from b to a")]
    attempt: int
    last_at: float
    diagnosis: Diagnosis


class RoomReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A room. In an `inspection_update`, only peers and pairs that have changed, and the new part of the timeline."""

    room_id: str
    open: Annotated[bool, Meta(description="Whether anyone is in it")]
    peer_count: int
    pair_count: int
    messages: Annotated[int, Meta(description="Signals and peer messages that were forwarded so far")]
    expires_at: int = 0
    max_peers: int = 0
    policy: Annotated[dict[str, list[str]] | None, Meta(description="Who may signal whom; null for all")] = None
    refusals: Annotated[dict[str, int], Meta(description="How many, by code")] = field(default_factory=dict)
    peers: list[PeerReport] = field(default_factory=list)
    pairs: list[PairReport] = field(default_factory=list)
    forgotten: Annotated[list[str], Meta(description="Peers that are reported no longer")] = field(default_factory=list)
    forgotten_pairs: Annotated[
        list[list[str]], Meta(description="Pairs that are reported no longer: the names `a` and `b` of each")
    ] = field(default_factory=list)
    focus: Annotated[list[str], Meta(description="Whose timeline it is")] = field(default_factory=list)
    timeline: list[TimelineEntry] = field(default_factory=list)
    skipped: Annotated[int, Meta(description="Older entries that are left out")] = 0
    diagnosis: Annotated[Diagnosis | None, Meta(description="Of a focus of two")] = None


class RoomRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A room in the list of all."""

    room_id: str
    peers: int
    messages: int
    away: int = 0
    claims: int = 0
    refusals: int = 0
    troubled: Annotated[int, Meta(description="Pairs that did not get through")] = 0


class NodeReport(Struct, frozen=True, kw_only=True):
    """One server process."""

    version: str
    status: Annotated[str, Meta(description="`ready`, or why it is not")]
    uptime_s: int
    cpu_percent: float
    memory_bytes: int
    loop_lag_ms: Annotated[float, Meta(description="How late the event loop was at worst since the last report")]
    connections: int
    tasks: int
    forward_p50_us: float
    forward_p99_us: float


class ServerReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All rooms of a node. In an `inspection_update`, only those rooms that have changed."""

    node: NodeReport
    room_count: int
    peer_count: int
    messages: Annotated[dict[str, int], Meta(description="How many were accepted so far, by type")]
    refusals: Annotated[dict[str, int], Meta(description="How many so far, by code")]
    rooms: Annotated[list[RoomRow], Meta(description="Those with the most peers")] = field(default_factory=list)
    forgotten: Annotated[list[str], Meta(description="Rooms that are listed no longer")] = field(default_factory=list)


class Inspection(Message, frozen=True, kw_only=True, tag="inspection"):
    """The answer to `inspect`: how things are now."""

    at: Annotated[float, Meta(description="The server's clock in Unix seconds")]
    server: ServerReport | UnsetType = UNSET
    room: RoomReport | UnsetType = UNSET


class InspectionUpdate(Message, frozen=True, kw_only=True, tag="inspection_update"):
    """What has changed since the last view; only for those who asked, a few times a second at most."""

    at: Annotated[float, Meta(description="The server's clock in Unix seconds")]
    server: ServerReport | UnsetType = UNSET
    room: RoomReport | UnsetType = UNSET

"""One peer in one room."""

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from heliograph_protocol import Metadata, Peer, PeerState
from heliograph_server.identity.verifier import User
from heliograph_server.signaling.links import DirectLink
from heliograph_server.signaling.mailbox import Mailbox
from heliograph_server.signaling.session_key import SessionKey
from heliograph_server.signaling.timers import Timer

if TYPE_CHECKING:
    from heliograph_server.signaling.claims import Claim
    from heliograph_server.signaling.live_room import LiveRoom

__all__ = ["DEFAULT_GROUPS", "DEFAULT_ROLE", "NO_METADATA", "Entrance", "Member", "described_bytes"]

DEFAULT_ROLE = "peer"
DEFAULT_GROUPS = frozenset({"default"})
NO_METADATA = Metadata()
"""One for all who say nothing of themselves."""


def described_bytes(role: str, metadata: Metadata, groups: frozenset[str]) -> int:
    """What a peer says of itself, as JSON; nothing if it says nothing."""
    if role == DEFAULT_ROLE and groups is DEFAULT_GROUPS and not metadata.tags and not metadata.properties:
        return 0
    return len(msgspec.json.encode((role, metadata, groups)))


class Entrance(Struct, frozen=True, kw_only=True):
    """How a peer comes in: all that was checked about it before."""

    peer_id: str
    user: User
    role: str = DEFAULT_ROLE
    metadata: Metadata = NO_METADATA
    groups: frozenset[str] = DEFAULT_GROUPS
    grants: frozenset[str]
    groups_pinned: bool = False
    """By a join token: the peer can't choose others."""
    resumable: bool = False
    """Level 2: the peer wants pushes, and may come back after losing its connection."""


class Member:
    """A peer in a room: through one connection at a time, or, at level 2, through none for a while."""

    __slots__ = (
        "claimed",
        "claims",
        "connected_at",
        "described_bytes",
        "grants",
        "groups",
        "groups_pinned",
        "key",
        "last_claimed",
        "link",
        "metadata",
        "peer_id",
        "resumable",
        "role",
        "room",
        "state",
        "user",
        "window",
    )

    def __init__(self, entrance: Entrance, *, room: "LiveRoom", link: DirectLink | Mailbox, connected_at: int) -> None:
        self.room = room
        self.link = link
        self.connected_at = connected_at
        self.peer_id = entrance.peer_id
        self.user = entrance.user
        self.role = entrance.role
        self.metadata = entrance.metadata
        self.groups = entrance.groups
        self.groups_pinned = entrance.groups_pinned
        self.grants = entrance.grants
        self.resumable = entrance.resumable
        self.described_bytes = described_bytes(self.role, self.metadata, self.groups)
        """Of its own, as others see it."""
        self.state: PeerState = "online"
        self.key = SessionKey() if entrance.resumable else None
        self.window: Timer | None = None
        """Runs for a resume window from the loss of a connection, and again from the return."""
        self.claims: dict[str, Claim] = {}
        """Claims that this peer holds, by claim id."""
        self.claimed: dict[str, Claim] = {}
        """Claims on this peer, by claim id."""
        self.last_claimed = 0
        """When, in the room's count of claims, this peer was claimed last."""

    @property
    def room_id(self) -> str:
        """The room's id."""
        return self.room.room_id

    @property
    def capacity(self) -> int:
        """How many claims this peer takes at once: its property `max_claims`, 1 without a usable one."""
        wanted = self.metadata.properties.get("max_claims")
        return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted >= 0 else 1

    def sees(self, other: "Member") -> bool:
        """Whether the two share a group: only then they see and reach each other."""
        return self.groups is other.groups or not self.groups.isdisjoint(other.groups)

    def hears_of(self, other: "Member") -> bool:
        """Whether news of another peer is pushed to this one."""
        return self is not other and self.hears_news and self.sees(other)

    @property
    def hears_news(self) -> bool:
        """Whether news of other peers are pushed to this one at all."""
        return self.resumable and "discover" in self.grants

    def view(self) -> Peer:
        """This peer as others see it."""
        return Peer(
            peer_id=self.peer_id,
            role=self.role,
            metadata=self.metadata,
            groups=sorted(self.groups),
            connected_at=self.connected_at,
            state=self.state,
            claimed_by=[claim.claimer.peer_id for claim in self.claimed.values()],
        )

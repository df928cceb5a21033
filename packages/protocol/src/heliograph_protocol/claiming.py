"""One client, one worker: claims."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from heliograph_protocol.message import Message
from heliograph_protocol.peers import Filters, Peer

__all__ = ["ClaimPeer", "ClaimQueued", "ClaimReleased", "Claimed", "PeerClaimed", "ReleaseClaim"]


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

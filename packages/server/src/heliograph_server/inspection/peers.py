"""A peer as those who inspect see it."""

from typing import TYPE_CHECKING, Final

from heliograph_protocol import PeerReport
from heliograph_server.inspection.trails import PeerTrail

if TYPE_CHECKING:
    from heliograph_server.signaling.member import Member

__all__ = ["SHOWN", "gone_report", "peer_report"]

SHOWN: Final = 16
"""Groups, and claims, of one peer that a report has at most."""


def peer_report(member: "Member", trail: PeerTrail) -> PeerReport:
    """Of a peer that is there, or away from there."""
    claims = [claim.claimed.peer_id for claim in member.claims.values()]
    claimed_by = [claim.claimer.peer_id for claim in member.claimed.values()]
    return PeerReport(
        peer_id=member.peer_id,
        status=member.state,
        since=trail.since,
        role=member.role,
        level=2 if member.resumable else 1,
        groups=sorted(member.groups)[:SHOWN],
        grants=sorted(member.grants),  # type: ignore[arg-type]
        claims=claims[:SHOWN],
        claimed_by=claimed_by[:SHOWN],
        refusals=trail.refusals,
    )


def gone_report(peer_id: str, trail: PeerTrail) -> PeerReport:
    """Of a peer that was there, or was never let in."""
    return PeerReport(
        peer_id=peer_id,
        status="gone",
        since=trail.since,
        role=trail.role,
        level=trail.level,
        groups=trail.groups,
        refusals=trail.refusals,
    )

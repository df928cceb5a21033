"""One client, one worker: claims on the peers of a room, and the line of those who wait for one.

Everything happens between two turns of the event loop, so a claim is made for one or not at all. A claim ends when its
holder gives it back, when its time is over, or when either side leaves for good; then whoever waits longest and can use
the peer gets it.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from msgspec import UnsetType

from heliograph_protocol import (
    Claimed,
    ClaimPeer,
    ClaimQueued,
    ClaimReleased,
    ErrorCode,
    Message,
    PeerClaimed,
    PeerFilter,
    Ref,
    compile_filter,
    encode,
)
from heliograph_server.errors import wire_error
from heliograph_server.inspection.chronicle import Chronicle
from heliograph_server.signaling.journal import Journal
from heliograph_server.signaling.timers import Timer, Timers

if TYPE_CHECKING:
    from heliograph_server.signaling.member import Member

__all__ = ["CLAIMS_PER_ROOM", "WAITING_PER_PEER", "Claim", "ClaimRefused", "Claims"]

WAITING_PER_PEER: Final = 16
"""Claims that one peer may have waiting in line."""

CLAIMS_PER_ROOM: Final = 2048
"""Claims that are made or wait, all together: whatever happens to a peer goes through the line, and lists of peers name
who holds them."""

TOLD_POSITIONS: Final = 16
"""Who is that near to the front of the line is told each step; the others were told where they started."""

ReleaseReason = Literal["released", "expired", "left"]


class ClaimRefused(Exception):
    """A claim that is not made; `code` says why."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Claim:
    """One peer held by another until `expires_at` (Unix seconds)."""

    __slots__ = ("claim_id", "claimed", "claimer", "expires_at", "timer")

    def __init__(self, claimer: "Member", claimed: "Member", expires_at: int, claim_id: str = "") -> None:
        self.claim_id = claim_id or secrets.token_urlsafe(12)
        self.claimer = claimer
        self.claimed = claimed
        self.expires_at = expires_at
        self.timer: Timer | None = None


class Waiting:
    """One place in the line."""

    __slots__ = ("matches", "number", "position", "ref", "request", "timer", "ttl_s", "until", "who")

    def __init__(self, who: "Member", request: ClaimPeer, matches: PeerFilter, number: int, until: float) -> None:
        self.who = who
        self.request = request
        self.number = number
        """In the order of their coming."""
        self.until = until
        """Unix seconds."""
        self.ref = request.ref
        self.ttl_s = request.ttl_s
        self.matches = matches
        self.position = 0
        self.timer: Timer | None = None


class Claims:
    """The claims of one room. The room owns the members; each member carries the claims that it holds and is under."""

    def __init__(
        self,
        members: "dict[str, Member]",
        *,
        timers: Timers,
        wall_clock: Callable[[], float],
        journal: Journal,
        chronicle: Chronicle,
    ) -> None:
        self._members = members
        self._journal = journal
        self._chronicle = chronicle
        self._timers = timers
        self._wall_clock = wall_clock
        self._line: list[Waiting] = []
        self._made = 0
        self._held = 0
        self._waited = 0
        """How many have joined the line so far."""

    def claim(self, claimer: "Member", request: ClaimPeer) -> None:
        """Claim a free peer that passes the filters, or wait for one. The claimer is told through its link.

        Raises `ClaimRefused`, and `InvalidMessage` for a filter that is none.
        """
        matches = compile_filter(request.filters)
        if self._held + len(self._line) >= CLAIMS_PER_ROOM:
            raise ClaimRefused(
                ErrorCode.NO_PEER_AVAILABLE, f"In this room {CLAIMS_PER_ROOM} claims are made or wait already"
            )
        free = [peer for peer in self._members.values() if _can_claim(claimer, peer) and matches(peer.view())]
        if free:
            chosen = min(free, key=lambda peer: (len(peer.claimed), peer.last_claimed))
            self._make(claimer, chosen, request.ttl_s, request.ref)
            return
        if request.wait_s == 0:
            raise ClaimRefused(ErrorCode.NO_PEER_AVAILABLE, "No such peer is free")
        if sum(waiting.who is claimer for waiting in self._line) >= WAITING_PER_PEER:
            raise ClaimRefused(ErrorCode.RATE_LIMITED, f"{WAITING_PER_PEER} claims of yours wait already")
        self._waited += 1
        self._join_line(Waiting(claimer, request, matches, self._waited, self._wall_clock() + request.wait_s))
        self._chronicle.happened(claimer, "claim_waits")
        self._tell_positions()

    def release(self, holder: "Member", claim_id: str) -> None:
        """Give a claimed peer back. Raises `ClaimRefused` if the holder has no such claim."""
        claim = holder.claims.get(claim_id)
        if claim is None:
            raise ClaimRefused(ErrorCode.INVALID_MESSAGE, "You hold no such claim")
        self._end(claim, "released", tell_claimer=False)

    def forget(self, member: "Member") -> None:
        """A member has left for good: its places in the line end, and its claims, on both sides.

        The line goes first: what the claims set free must not go to the one who leaves.
        """
        for waiting in [waiting for waiting in self._line if waiting.who is member]:
            self._leave_line(waiting)
        for claim in [*member.claims.values(), *member.claimed.values()]:
            self._end(claim, "left")
        self._tell_positions()

    def reconsider(self, member: "Member") -> None:
        """Whom a member sees has changed: those who wait may be able to have it, or it may have someone."""
        self._offer(member)
        for waiting in [waiting for waiting in self._line if waiting.who is member]:
            for peer in self._members.values():
                if _can_claim(member, peer) and waiting.matches(peer.view()):
                    self._leave_line(waiting)
                    self._make(member, peer, waiting.ttl_s, waiting.ref)
                    break
        self._tell_positions()

    def changed(self, member: "Member") -> None:
        """What a member is has changed: those who wait may be able to have it."""
        self._offer(member)
        self._tell_positions()

    def end(self) -> None:
        """The room has ended: nothing of this will happen any more."""
        for member in self._members.values():
            for claim in member.claims.values():
                _cancel(claim.timer)
        for waiting in self._line:
            _cancel(waiting.timer)
        self._line.clear()

    def all(self) -> tuple[list[Claim], list[Waiting]]:
        """Every claim, and who waits for one, the first in line first."""
        return [claim for member in self._members.values() for claim in member.claims.values()], list(self._line)

    def restore(self, claims: Sequence[Claim], line: Sequence[Waiting]) -> None:
        """Have these again after the room has moved; what has expired meanwhile ends."""
        for claim in claims:
            self._held += 1
            self._made += 1
            claim.claimed.last_claimed = self._made
            self._hold(claim, claim.expires_at - self._wall_clock())
        for waiting in line:
            self._waited = max(self._waited, waiting.number)
            self._join_line(waiting)

    @staticmethod
    def tell_lost(member: "Member", claim_id: str) -> None:
        """A claim has ended because the other side did not come along when the room moved."""
        if member.resumable:
            _tell(member, ClaimReleased(claim_id=claim_id, reason="left"))

    def _hold(self, claim: Claim, ttl_s: float) -> None:
        claim.timer = self._timers.call_later(max(0.0, ttl_s), lambda: self._end(claim, "expired"))
        claim.claimer.claims[claim.claim_id] = claim
        claim.claimed.claimed[claim.claim_id] = claim
        self._journal.claimed(claim)

    def _join_line(self, waiting: Waiting) -> None:
        waits_s = max(0.0, waiting.until - self._wall_clock())
        waiting.timer = self._timers.call_later(waits_s, lambda: self._waited_in_vain(waiting))
        self._line.append(waiting)
        self._journal.waits(waiting)

    def _make(self, claimer: "Member", peer: "Member", ttl_s: int, ref: Ref | UnsetType) -> None:
        claim = Claim(claimer, peer, int(self._wall_clock()) + ttl_s)
        self._hold(claim, ttl_s)
        self._made += 1
        self._held += 1
        peer.last_claimed = self._made
        self._chronicle.happened(claimer, "claimed", to=peer.peer_id)
        _tell(
            claimer,
            PeerClaimed(claim_id=claim.claim_id, peer=peer.view(), expires_at=claim.expires_at, ref=ref),
        )
        if peer.resumable:
            _tell(peer, Claimed(claim_id=claim.claim_id, by=claimer.peer_id))

    def _end(self, claim: Claim, reason: ReleaseReason, *, tell_claimer: bool = True) -> None:
        _cancel(claim.timer)
        if claim.claimer.claims.pop(claim.claim_id, None) is None:
            return
        del claim.claimed.claimed[claim.claim_id]
        self._held -= 1
        self._journal.claim_ended(claim)
        self._chronicle.happened(claim.claimer, "claim_ended", to=claim.claimed.peer_id, reason=reason)
        news = ClaimReleased(claim_id=claim.claim_id, reason=reason)
        if tell_claimer and claim.claimer.resumable:
            _tell(claim.claimer, news)
        if claim.claimed.resumable:
            _tell(claim.claimed, news)
        self._offer(claim.claimed)
        self._tell_positions()

    def _offer(self, peer: "Member") -> None:
        """Let those who wait have a peer, the first in line first, as long as it takes claims."""
        if self._members.get(peer.peer_id) is not peer:
            return
        if not self._line:
            return
        view = peer.view()
        for waiting in list(self._line):
            if _can_claim(waiting.who, peer) and waiting.matches(view):
                self._leave_line(waiting)
                self._make(waiting.who, peer, waiting.ttl_s, waiting.ref)

    def _waited_in_vain(self, waiting: Waiting) -> None:
        self._leave_line(waiting)
        _tell(waiting.who, wire_error(ErrorCode.NO_PEER_AVAILABLE, "No such peer became free", ref=waiting.ref))
        self._tell_positions()

    def _leave_line(self, waiting: Waiting) -> None:
        _cancel(waiting.timer)
        self._line.remove(waiting)
        self._journal.waits_no_more(waiting)

    def _tell_positions(self) -> None:
        for position, waiting in enumerate(self._line, start=1):
            is_new = waiting.position == 0
            if position == waiting.position or (not is_new and position > TOLD_POSITIONS):
                continue
            waiting.position = position
            if is_new or waiting.who.resumable:
                _tell(waiting.who, ClaimQueued(position=position, ref=waiting.ref))


def _can_claim(claimer: "Member", peer: "Member") -> bool:
    """Whether the claimer may have the peer, if it is one that it wants."""
    return peer is not claimer and peer.state == "online" and len(peer.claimed) < peer.capacity and claimer.sees(peer)


def _tell(member: "Member", message: Message) -> None:
    member.link.notify(encode(message))


def _cancel(timer: Timer | None) -> None:
    if timer is not None:
        timer.cancel()

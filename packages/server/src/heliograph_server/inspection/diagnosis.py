"""Why two peers are not connected: what their signaling shows, in words for people, with what to try.

The server sees signals, not the path between the peers. Where an SDK says what became of a connection, that decides;
else the diagnosis goes as far as the signals do, and says so.
"""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import UNSET, Struct

from heliograph_protocol import Diagnosis, PeerStatus, TimelineEntry
from heliograph_server.inspection import verdicts

__all__ = ["CONNECTING_S", "Party", "diagnose"]

CONNECTING_S: Final = 15.0
"""How long the SDKs try to connect. Before that, nothing has failed yet."""

_RELAYED: Final = "relay"
_REFLEXIVE: Final = frozenset({"srflx", "prflx"})
_CARRIERS: Final = frozenset({"offer", "answer", "candidate"})


class Party(Struct, frozen=True, kw_only=True):
    """One of the two: what is known of it beside its signals."""

    peer_id: str
    status: PeerStatus | Literal["unknown"]
    """`unknown` if nobody of that name was there in the last minutes."""
    left_because: str = ""
    turned_away: str = ""
    """The code with which it was last refused entry, if it has not come in since."""
    gone_at: float = 0.0


def diagnose(
    one: Party, other: Party, entries: Sequence[TimelineEntry], *, now: float, share_group: bool = True
) -> Diagnosis:
    """What became of two peers' latest attempt to connect. `entries` are the pair's, in order; `now` is Unix time."""
    parties = {one.peer_id: one, other.peer_id: other}
    if not entries:
        return _silence(one, other, share_group=share_group)
    attempt = entries[-1].attempt
    current = [entry for entry in entries if entry.attempt == attempt]
    told = next((entry for entry in reversed(current) if entry.event in ("connected", "failed", "closed")), None)
    offers = [entry for entry in current if entry.event == "offer"]
    if told is not None and not any(offer.at > told.at and not offer.restart for offer in offers):
        return _told(told, current, parties)
    refused = next((entry for entry in reversed(current) if entry.event == "refused"), None)
    if refused is not None and not any(entry.event == "answer" for entry in current):
        return verdicts.refused(refused, parties[str(refused.to)].status, share_group=share_group)
    error = next((entry for entry in reversed(current) if entry.event == "error"), None)
    if error is not None:
        return verdicts.declined(error.peer, error.to, error.reason)
    if not offers:
        return verdicts.no_offer(one.peer_id, other.peer_id)
    if not any(entry.event == "answer" for entry in current):
        return _unanswered(offers, current, parties, now)
    return _answered(current, one, other, now)


def _silence(one: Party, other: Party, *, share_group: bool) -> Diagnosis:
    for party in (one, other):
        if party.turned_away:
            return verdicts.turned_away(party.peer_id, party.turned_away)
    for party in (one, other):
        if party.status == "unknown":
            return verdicts.never_there(party.peer_id)
        if party.status == "gone":
            return verdicts.gone(party.peer_id, party.left_because)
    if not share_group:
        return verdicts.no_common_group(one.peer_id, other.peer_id)
    return verdicts.nothing_said(one.peer_id, other.peer_id)


def _told(told: TimelineEntry, current: list[TimelineEntry], parties: dict[str, Party]) -> Diagnosis:
    """A peer has said what became of the connection."""
    if told.event == "failed":
        a, b = parties
        answered = any(entry.event == "answer" for entry in current)
        return _no_path(current, a, b) if answered else verdicts.failed_unanswered(told.peer, str(told.to))
    if told.event == "closed":
        return verdicts.ended(told.peer)
    other = parties[str(told.to)]
    if other.status == "gone":
        return verdicts.was_connected(other.peer_id, other.left_because)
    return verdicts.connected(
        None if told.local is UNSET else told.local,
        None if told.remote is UNSET else told.remote,
        None if told.took_ms is UNSET else told.took_ms,
    )


def _unanswered(
    offers: list[TimelineEntry], current: list[TimelineEntry], parties: dict[str, Party], now: float
) -> Diagnosis:
    offer = offers[-1]
    caller, callee = parties[offer.peer], parties[str(offer.to)]
    if any(entry.event == "undelivered" for entry in current):
        return verdicts.never_delivered(callee.peer_id)
    if any(entry.event == "quit" and entry.peer == caller.peer_id for entry in current):
        return verdicts.given_up(caller.peer_id, callee.peer_id)
    if callee.status in ("gone", "unknown"):
        return verdicts.left_before_answer(callee.peer_id, callee.left_because)
    if callee.status == "away":
        return verdicts.offer_waits(callee.peer_id)
    if caller.status in ("gone", "unknown"):
        return verdicts.left_before_answer(caller.peer_id, caller.left_because)
    if now - offer.at < CONNECTING_S:
        return verdicts.waits_for_answer(callee.peer_id)
    return verdicts.no_answer(caller.peer_id, callee.peer_id)


def _answered(current: list[TimelineEntry], one: Party, other: Party, now: float) -> Diagnosis:
    answer = next(entry for entry in reversed(current) if entry.event == "answer")
    for party in (one, other):
        if not _candidates(current, party.peer_id) and now - answer.at > CONNECTING_S:
            return verdicts.no_candidates(party.peer_id)
    quitter = next((entry for entry in reversed(current) if entry.event == "quit"), None)
    if quitter is not None:
        return verdicts.ended(quitter.peer)
    for party in (one, other):
        if party.status == "gone" and party.gone_at >= answer.at:
            if party.gone_at - answer.at < CONNECTING_S:
                return verdicts.left_too_early(party.peer_id, party.left_because)
            return verdicts.was_connected(party.peer_id, party.left_because)
    if now - answer.at < CONNECTING_S:
        return verdicts.connecting()
    return verdicts.exchanged(_hint(current, one.peer_id, other.peer_id))


def _no_path(current: list[TimelineEntry], a: str, b: str) -> Diagnosis:
    for peer_id in (a, b):
        if not _candidates(current, peer_id):
            return verdicts.no_candidates(peer_id)
    return verdicts.no_path(_hint(current, a, b))


def _hint(current: list[TimelineEntry], a: str, b: str) -> verdicts.Hint:
    """What the candidates of the two leave to be tried."""
    first, second = _candidates(current, a), _candidates(current, b)
    if _RELAYED in first | second:
        return verdicts.Hint("relay_tried")
    reflexive = [bool(types & _REFLEXIVE) for types in (first, second)]
    if all(reflexive):
        return verdicts.Hint("no_relay")
    if not any(reflexive):
        return verdicts.Hint("only_host")
    return verdicts.Hint("one_side_host", b if reflexive[0] else a)


def _candidates(entries: list[TimelineEntry], peer_id: str) -> set[str]:
    """The types of the candidates that a peer has told, in its SDP or after it."""
    return {
        kind for entry in entries if entry.peer == peer_id and entry.event in _CARRIERS for kind in entry.candidates
    }

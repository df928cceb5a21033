"""Why two peers are not connected, from what they signalled."""

from typing import Any, get_args

import pytest

from heliograph_protocol import ErrorCode, TimelineEntry, TimelineEvent
from heliograph_server.inspection.diagnosis import CONNECTING_S, Party, diagnose

NOW = 1_000.0
LONG_AGO = NOW - 60
HERE = Party(peer_id="b", status="online")


def entry(event: TimelineEvent, peer: str = "a", at: float = LONG_AGO, **fields: Any) -> TimelineEntry:
    to = "b" if peer == "a" else "a"
    return TimelineEntry(**({"at": at, "event": event, "peer": peer, "to": to, "attempt": 1} | fields))


def offer(*types: str, **fields: Any) -> TimelineEntry:
    return entry("offer", candidates=types, **fields)


def answer(*types: str, **fields: Any) -> TimelineEntry:
    return entry("answer", "b", candidates=types, **fields)


def refused(code: str) -> TimelineEntry:
    return entry("refused", code=code, said="offer")


def gone(reason: str = "left", at: float = NOW) -> Party:
    return Party(peer_id="b", status="gone", left_because=reason, gone_at=at)


CASES: dict[str, tuple[list[TimelineEntry], Party, str, str]] = {
    "nothing": ([], HERE, "nothing_said", "unknown"),
    "nobody of that name": ([], Party(peer_id="b", status="unknown"), "never_there", "trouble"),
    "has left": ([], gone("timed_out"), "gone", "trouble"),
    "wrong token": (
        [],
        Party(peer_id="b", status="unknown", turned_away="INVALID_ROOM_TOKEN"),
        "turned_away",
        "trouble",
    ),
    "called one who is not there": (
        [refused("PEER_NOT_FOUND")],
        Party(peer_id="b", status="unknown"),
        "never_there",
        "trouble",
    ),
    "called one who has left": ([refused("PEER_NOT_FOUND")], gone(), "gone", "trouble"),
    "called too early": ([refused("PEER_NOT_FOUND")], HERE, "too_early", "trouble"),
    "policy or grants": ([refused("NOT_PERMITTED")], HERE, "not_permitted", "trouble"),
    "too much waits": (
        [refused("PEER_AWAY_BUFFER_FULL")],
        Party(peer_id="b", status="away"),
        "buffer_full",
        "trouble",
    ),
    "a mistake": ([refused("SENDER_MISMATCH")], HERE, "refused", "trouble"),
    "busy": ([offer(), entry("error", "b", reason="worker_busy")], HERE, "worker_busy", "trouble"),
    "accepts none": ([offer(), entry("error", "b", reason="not_accepting")], HERE, "not_accepting", "trouble"),
    "hung up": ([offer(), answer(), entry("error", "b", reason="connection_closed")], HERE, "ended", "unknown"),
    "refused in its own words": ([offer(), entry("error", "b")], HERE, "declined", "trouble"),
    "candidates alone": ([entry("candidate")], HERE, "no_offer", "unknown"),
    "just offered": ([offer(at=NOW - 1)], HERE, "waits_for_answer", "waiting"),
    "no answer": ([offer("host")], HERE, "no_answer", "trouble"),
    "the offer waits": (
        [offer(outcome="buffered")],
        Party(peer_id="b", status="away"),
        "offer_waits",
        "waiting",
    ),
    "waited in vain": ([offer(outcome="buffered"), entry("undelivered")], gone(), "never_delivered", "trouble"),
    "left unanswered": ([offer()], gone("removed"), "left_before_answer", "trouble"),
    "gave up": ([offer(), entry("quit")], HERE, "given_up", "trouble"),
    "looking": ([offer("host"), answer("host", at=NOW - 1)], HERE, "connecting", "waiting"),
    "one tells no address": ([offer("host"), answer()], HERE, "no_candidates", "trouble"),
    "candidates that come later count": (
        [offer(), answer("host"), entry("candidate", candidates=("srflx",))],
        HERE,
        "exchanged",
        "unknown",
    ),
    "left while looking": ([offer("host"), answer("host")], gone(at=LONG_AGO + 3), "left_too_early", "trouble"),
    "left later": ([offer("host"), answer("host")], gone(at=LONG_AGO + CONNECTING_S + 1), "peer_left", "unknown"),
    "hung up by the caller": ([offer("host"), answer("host"), entry("quit")], HERE, "ended", "unknown"),
    "said to be connected": (
        [offer("host"), answer("host"), entry("connected", local="host", remote="host", took_ms=320)],
        HERE,
        "connected",
        "good",
    ),
    "said to be closed": ([offer("host"), answer("host"), entry("closed")], HERE, "ended", "unknown"),
    "connected, then gone": ([offer("host"), answer("host"), entry("connected")], gone(), "peer_left", "unknown"),
    "failed unanswered": ([offer("host"), entry("failed")], HERE, "no_answer", "trouble"),
    "failed, no addresses": ([offer("host"), answer(), entry("failed")], HERE, "no_candidates", "trouble"),
    "failed, own networks": ([offer("host"), answer("host"), entry("failed")], HERE, "no_path_only_host", "trouble"),
    "failed, one side": (
        [offer("host", "srflx"), answer("host"), entry("failed")],
        HERE,
        "no_path_one_side_host",
        "trouble",
    ),
    "failed, no relay": (
        [offer("srflx"), answer("host", "srflx"), entry("failed")],
        HERE,
        "no_path_no_relay",
        "trouble",
    ),
    "failed with a relay": (
        [offer("relay"), answer("host"), entry("failed")],
        HERE,
        "no_path_relay_tried",
        "trouble",
    ),
    "tried again after a failure": (
        [offer("host"), answer("host"), entry("failed"), offer("host", attempt=2, at=NOW - 1)],
        HERE,
        "waits_for_answer",
        "waiting",
    ),
    "an earlier attempt that is answered after all": (
        [offer("host"), offer("host", attempt=2), answer("host", at=NOW - 1)],
        HERE,
        "connecting",
        "waiting",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said(case: str) -> None:
    entries, b, verdict, mood = CASES[case]
    diagnosis = diagnose(Party(peer_id="a", status="online"), b, entries, now=NOW)
    assert (diagnosis.verdict, diagnosis.mood) == (verdict, mood)
    mirrored = diagnose(b, Party(peer_id="a", status="online"), entries, now=NOW)
    assert mirrored.verdict == verdict
    assert diagnosis.title
    assert diagnosis.advice.endswith(".")
    assert "None" not in diagnosis.title + diagnosis.advice
    assert "UNSET" not in diagnosis.title + diagnosis.advice


def test_those_without_a_common_group() -> None:
    a = Party(peer_id="a", status="online")
    for entries in ([], [refused("PEER_NOT_FOUND")]):
        assert diagnose(a, HERE, entries, now=NOW, share_group=False).verdict == "no_common_group"


def test_how_they_are_connected_is_said() -> None:
    told = [offer("host"), answer("relay"), entry("connected", local="host", remote="relay", took_ms=1250)]
    assert (
        diagnose(Party(peer_id="a", status="online"), HERE, told, now=NOW).advice == "Through a relay. It took 1.25 s."
    )
    told = [offer("host"), answer("host"), entry("connected", local="host", remote="srflx")]
    assert diagnose(Party(peer_id="a", status="online"), HERE, told, now=NOW).advice == "Directly, host to srflx."


def test_the_one_without_a_public_address_is_named() -> None:
    told = [offer("host"), answer("host", "srflx"), entry("failed")]
    assert diagnose(Party(peer_id="a", status="online"), HERE, told, now=NOW).advice.startswith("a knows only")


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_words(code: ErrorCode) -> None:
    a = Party(peer_id="a", status="online")
    assert diagnose(a, HERE, [refused(code.value)], now=NOW).mood == "trouble"
    kept_out = Party(peer_id="b", status="unknown", turned_away=code.value)
    assert code.value in diagnose(a, kept_out, [], now=NOW).title


@pytest.mark.parametrize("event", get_args(TimelineEvent))
def test_no_single_entry_is_too_much(event: TimelineEvent) -> None:
    assert diagnose(Party(peer_id="a", status="online"), HERE, [entry(event)], now=NOW).title

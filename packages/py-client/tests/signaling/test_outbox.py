"""What becomes of messages on their way to the server."""

from typing import Any

import msgspec
import pytest

import heliograph
from heliograph.signaling.outbox import (
    FRAME_BYTES,
    IN_FLIGHT,
    QUEUED_BYTES,
    QUEUED_MESSAGES,
    RATE_PAUSE_S,
    REMEMBERED,
    Outbox,
)
from heliograph_protocol import ClaimPeer, Leave, Limits, Offer, PeerMessage, Ping, Query, Report

from .clock import Clock

LIMITS = Limits(message_bytes=65536, messages_per_s=1_000_000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(clock: Clock) -> Outbox:
    outbox = Outbox(clock)
    outbox.restarted(LIMITS)
    return outbox


def say(payload: Any) -> PeerMessage:
    return PeerMessage(to_peer_id="B", payload=payload)


def taken(outbox: Outbox) -> list[Any]:
    """What goes out now: the payload of each message, or its type."""
    frames = iter(outbox.take, None)
    return [fields.get("payload", fields["type"]) for fields in map(msgspec.json.decode, frames)]


def cut(outbox: Outbox) -> None:
    outbox.disconnected()
    assert outbox.take() is None


def test_messages_go_out_in_order_each_with_a_ref_of_its_own(outbox: Outbox) -> None:
    refs = [outbox.put(say(number)) for number in range(3)]
    frames = [msgspec.json.decode(outbox.take() or b"") for _ in range(3)]
    assert [frame["payload"] for frame in frames] == [0, 1, 2]
    assert [frame["ref"] for frame in frames] == refs
    assert len(set(refs)) == 3
    assert outbox.take() is None


def test_nothing_goes_out_before_the_registration_or_after_a_cut(clock: Clock) -> None:
    outbox = Outbox(clock)
    outbox.put(say(1))
    assert outbox.take() is None
    assert outbox.delay_s() is None
    outbox.restarted(LIMITS)
    assert taken(outbox) == [1]


def test_only_so_many_are_in_flight(outbox: Outbox) -> None:
    refs = [outbox.put(say(number)) for number in range(IN_FLIGHT + 2)]
    assert taken(outbox) == list(range(IN_FLIGHT))
    assert outbox.delay_s() is None, "time alone will not help"
    assert outbox.answered(refs[0]) is not None
    assert taken(outbox) == [IN_FLIGHT]


def test_the_queue_is_bounded_by_messages(clock: Clock) -> None:
    outbox = Outbox(clock)
    for number in range(QUEUED_MESSAGES):
        assert outbox.has_room
        outbox.put(say(number))
    assert not outbox.has_room
    with pytest.raises(heliograph.SendQueueFull):
        outbox.put(say("one more"))
    outbox.put(Leave(), always=True)
    outbox.restarted(LIMITS)
    assert taken(outbox) == list(range(IN_FLIGHT))
    assert outbox.has_room


def test_the_queue_is_bounded_by_bytes(clock: Clock) -> None:
    outbox = Outbox(clock)
    big = say("x" * (FRAME_BYTES - 200))
    count = 0
    while outbox.has_room:
        outbox.put(big)
        count += 1
    assert count == QUEUED_BYTES // FRAME_BYTES + 1, "what there is room for can be put, be it small or big"
    with pytest.raises(heliograph.SendQueueFull):
        outbox.put(Query())


def test_too_big_is_said_at_once_and_not_sent(outbox: Outbox) -> None:
    with pytest.raises(heliograph.MessageTooBig):
        outbox.put(say("x" * 65536))
    assert taken(outbox) == []


def test_the_pace_is_the_server_s(clock: Clock) -> None:
    outbox = Outbox(clock)
    outbox.restarted(Limits(message_bytes=65536, messages_per_s=2))
    refs = [outbox.put(say(number)) for number in range(4)]
    assert taken(outbox) == [0, 1]
    assert outbox.delay_s() == pytest.approx(0.5)
    clock.now += 0.5
    assert taken(outbox) == [2]
    assert [outbox.answered(ref) is not None for ref in refs] == [True, True, True, False]


def test_what_did_not_arrive_goes_out_again_before_anything_newer(outbox: Outbox) -> None:
    refs = [outbox.put(say(number)) for number in range(4)]
    assert taken(outbox) == [0, 1, 2, 3]
    outbox.answered(refs[0])
    cut(outbox)
    newer = outbox.put(say("newer"))
    outbox.resumed(LIMITS)
    assert taken(outbox) == ["ping"], "the rest waits for the pong"
    assert outbox.answered(refs[1]) is not None, "its ack was lost, and is repeated"
    assert outbox.answered(refs[1]) is None, "but it counts once"
    assert taken(outbox) == []
    pong(outbox, newer + 1)
    assert taken(outbox) == [2, 3, "newer"]


def test_a_cut_while_in_doubt_changes_nothing(outbox: Outbox) -> None:
    last = [outbox.put(say(number)) for number in range(3)][-1]
    assert taken(outbox) == [0, 1, 2]
    for _ in range(3):
        cut(outbox)
        outbox.resumed(LIMITS)
        assert taken(outbox) == ["ping"]
    cut(outbox)
    outbox.resumed(LIMITS)
    pong(outbox, last + 3)  # of an older connection
    assert taken(outbox) == ["ping"]
    pong(outbox, last + 4)
    assert taken(outbox) == [0, 1, 2]


def test_with_nothing_in_doubt_nobody_asks(outbox: Outbox) -> None:
    ref = outbox.put(say(0))
    assert taken(outbox) == [0]
    outbox.answered(ref)
    cut(outbox)
    outbox.put(say(1))
    outbox.resumed(LIMITS)
    assert taken(outbox) == [1]


def test_a_lost_session_repeats_questions_and_gives_back_messages(outbox: Outbox) -> None:
    outbox.put(say(0))
    outbox.put(Query())
    outbox.put(Offer(target="B", sdp="v=0"))
    assert taken(outbox) == [0, "query", "offer"]
    outbox.put(say("not sent yet"))
    cut(outbox)
    lost = outbox.restarted(LIMITS)
    assert [outgoing.message.__class__.__name__ for outgoing in lost] == ["PeerMessage", "Offer"]
    assert taken(outbox) == ["query", "not sent yet"]


def test_a_claim_in_line_is_not_in_doubt_and_takes_no_place(outbox: Outbox) -> None:
    claim = outbox.put(ClaimPeer(wait_s=30))
    assert taken(outbox) == ["claim_peer"]
    outbox.stands_in_line(claim)
    outbox.stands_in_line(claim)  # its position is told again
    for number in range(IN_FLIGHT):
        outbox.put(say(number))
    assert taken(outbox) == list(range(IN_FLIGHT))
    cut(outbox)
    outbox.resumed(LIMITS)
    assert taken(outbox) == ["ping"]
    assert outbox.answered(claim) is not None


def test_a_claim_in_line_of_a_lost_session_waits_the_rest_of_its_time(outbox: Outbox, clock: Clock) -> None:
    claim = outbox.put(ClaimPeer(wait_s=30))
    assert taken(outbox) == ["claim_peer"]
    outbox.stands_in_line(claim)
    clock.now += 20
    cut(outbox)
    assert outbox.restarted(LIMITS) == []
    again = msgspec.json.decode(outbox.take() or b"")
    assert (again["type"], again["wait_s"], again["ref"]) == ("claim_peer", 10, claim)


def test_what_nobody_wants_any_more_is_not_sent(outbox: Outbox, clock: Clock) -> None:
    sent, kept = outbox.put(say("sent")), outbox.put(say("kept"))
    assert taken(outbox) == ["sent", "kept"]
    waiting = outbox.put(say("waiting"))
    assert outbox.withdraw(waiting) is True
    assert outbox.withdraw(sent) is False
    assert outbox.withdraw(12345) is False
    assert taken(outbox) == []
    cut(outbox)
    outbox.resumed(LIMITS)
    assert taken(outbox) == ["ping"]
    pong(outbox, waiting + 1)
    assert taken(outbox) == ["kept"]
    assert outbox.answered(kept) is not None


def test_dropped_messages_are_found_out_and_sent_again(outbox: Outbox, clock: Clock) -> None:
    """A RATE_LIMITED says that something was dropped, but not what."""
    refs = [outbox.put(say(number)) for number in range(3)]
    assert taken(outbox) == [0, 1, 2]
    outbox.rate_limited()
    assert taken(outbox) == []
    assert outbox.delay_s() == pytest.approx(RATE_PAUSE_S)
    assert outbox.answered(refs[0]) is not None
    clock.now += RATE_PAUSE_S
    assert taken(outbox) == ["ping"]
    pong(outbox, refs[-1] + 1)
    assert taken(outbox) == [1, 2]


def test_a_server_of_level_1_acknowledges_nothing(clock: Clock) -> None:
    outbox = Outbox(clock)
    outbox.restarted(None)
    for number in range(IN_FLIGHT + REMEMBERED):
        outbox.put(Offer(target=f"B{number}", sdp="v=0"))
        assert taken(outbox) == ["offer"]
    query, ping = outbox.put(Query()), outbox.put(Ping())
    assert taken(outbox) == ["query", "ping"]
    assert (outbox.oldest(Query), outbox.oldest(Ping)) == (query, ping)
    outbox.disconnected()
    assert outbox.restarted(None) == [], "the offers were sent, and nobody knows more"
    assert taken(outbox) == ["query", "ping"]


def test_buffered_messages_may_yet_fail(outbox: Outbox) -> None:
    ref = outbox.put(say(0))
    assert taken(outbox) == [0]
    outgoing = outbox.answered(ref)
    assert outgoing is not None
    outbox.keep_buffered(outgoing)
    assert outbox.undelivered(ref) is outgoing
    assert outbox.undelivered(ref) is None


def test_a_leave_needs_no_answer(outbox: Outbox) -> None:
    outbox.put(Leave(), always=True)
    assert taken(outbox) == ["leave"]
    assert outbox.is_empty
    cut(outbox)
    outbox.resumed(LIMITS)
    assert taken(outbox) == []


def pong(outbox: Outbox, ref: int) -> None:
    """The server has answered a ping of the outbox's own."""
    assert outbox.answered(ref) is None


def test_a_report_has_no_answer_and_is_not_repeated(outbox: Outbox) -> None:
    for _ in range(IN_FLIGHT + 1):
        outbox.put(Report(peer_id="B", state="connected"))
    outbox.put(say("behind them"))
    assert taken(outbox) == [*["report"] * (IN_FLIGHT + 1), "behind them"]
    cut(outbox)
    outbox.resumed(LIMITS)
    assert taken(outbox) == ["ping"]
    assert [lost.message.payload for lost in outbox.restarted(LIMITS) if isinstance(lost.message, PeerMessage)] == [
        "behind them"
    ]

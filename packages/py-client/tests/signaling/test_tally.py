"""Counting what arrives, and confirming it."""

import pytest

from heliograph.signaling.tally import CONFIRM_AFTER_S, CONFIRM_BYTES, CONFIRM_MESSAGES, Tally
from heliograph_protocol import Received, Resume, SessionInfo

from .clock import Clock


def session(*, resumed: bool = False, secret: str = "first") -> SessionInfo:
    return SessionInfo(session_id="s", secret=secret, resume_window_s=30, resumed=resumed)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tally(clock: Clock) -> Tally:
    tally = Tally(clock)
    tally.begin(session())
    return tally


def test_nothing_to_confirm_at_first(tally: Tally) -> None:
    assert tally.delay_s() is None
    assert tally.proof == Resume(session_id="s", secret="first", received=0)


def test_a_lone_message_is_confirmed_within_the_time(tally: Tally, clock: Clock) -> None:
    tally.add(100)
    assert tally.delay_s() == CONFIRM_AFTER_S < 5
    clock.now += CONFIRM_AFTER_S - 1
    tally.add(100)
    assert tally.delay_s() == pytest.approx(1), "it is the first one that counts"
    clock.now += 1
    assert tally.delay_s() == 0
    assert tally.confirm() == Received(count=2)
    assert tally.delay_s() is None


def test_many_messages_are_confirmed_at_once(tally: Tally) -> None:
    for _ in range(CONFIRM_MESSAGES - 1):
        tally.add(1)
    assert tally.delay_s() != 0
    tally.add(1)
    assert tally.delay_s() == 0
    assert tally.confirm() == Received(count=CONFIRM_MESSAGES)


def test_many_bytes_are_confirmed_at_once(tally: Tally) -> None:
    tally.add(CONFIRM_BYTES - 1)
    assert tally.delay_s() != 0
    tally.add(1)
    assert tally.delay_s() == 0


def test_a_resumed_session_counts_on(tally: Tally) -> None:
    tally.add(1)
    tally.add(1)
    assert tally.proof == Resume(session_id="s", secret="first", received=2)
    tally.begin(session(resumed=True, secret="second"))
    assert tally.delay_s() is None, "the proof has confirmed them"
    tally.add(1)
    assert tally.proof == Resume(session_id="s", secret="second", received=3)


def test_a_new_session_counts_anew(tally: Tally) -> None:
    tally.add(1)
    tally.begin(session(secret="second"))
    assert tally.proof == Resume(session_id="s", secret="second", received=0)


def test_another_user_has_nothing_to_go_back_to(tally: Tally) -> None:
    tally.add(1)
    tally.forget()
    assert tally.proof is None
    assert tally.delay_s() is None

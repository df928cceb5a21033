"""Sending no faster than the server takes."""

import pytest

from heliograph.signaling.pace import Pace

from .clock import Clock


def test_a_burst_of_one_second_then_the_rate() -> None:
    clock = Clock()
    pace = Pace(10, clock)
    assert [pace.take() for _ in range(11)] == [True] * 10 + [False]
    assert pace.delay_s() == pytest.approx(0.1)
    clock.now += 0.11
    assert [pace.take(), pace.take()] == [True, False]


def test_a_pause_saves_up_no_more_than_the_burst() -> None:
    clock = Clock()
    pace = Pace(10, clock)
    clock.now += 3600
    assert sum(pace.take() for _ in range(100)) == 10


def test_in_a_minute_there_are_no_more_than_a_server_takes() -> None:
    clock = Clock()
    pace = Pace(100, clock)
    sent = 0
    while clock.now < 1060:
        sent += pace.take()
        clock.now += 0.001
    assert sent == pytest.approx(100 + 60 * 100, abs=2)


def test_no_limit() -> None:
    pace = Pace(0, Clock())
    assert all(pace.take() for _ in range(10_000))
    assert pace.delay_s() == 0

"""Waiting before connecting again."""

from heliograph.signaling.backoff import SHAKY_FAILURES, STABLE_AFTER_S, Backoff

from .clock import Clock


def test_delays_double_up_to_the_ceiling() -> None:
    backoff = Backoff(clock=Clock(), rng=lambda: 1.0, base_s=1.0, ceiling_s=10.0)
    assert [backoff.next_delay_s() for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_delays_are_drawn_from_zero_to_the_bound() -> None:
    draws = iter([0.0, 0.5, 0.25])
    backoff = Backoff(clock=Clock(), rng=lambda: next(draws), base_s=1.0, ceiling_s=10.0)
    assert [backoff.next_delay_s() for _ in range(3)] == [0, 1, 1]


def test_a_connection_that_held_starts_over() -> None:
    clock = Clock()
    backoff = Backoff(clock=clock, rng=lambda: 1.0, base_s=1.0)
    backoff.next_delay_s()
    backoff.next_delay_s()
    backoff.connected()
    clock.now += STABLE_AFTER_S
    assert backoff.next_delay_s() == 1


def test_a_connection_that_drops_at_once_does_not() -> None:
    clock = Clock()
    backoff = Backoff(clock=clock, rng=lambda: 1.0, base_s=1.0)
    backoff.next_delay_s()
    backoff.connected()
    clock.now += STABLE_AFTER_S / 2
    assert backoff.next_delay_s() == 2


def test_a_connection_that_does_not_hold_is_not_waited_for_as_for_a_dead_server() -> None:
    backoff = Backoff(clock=Clock(), rng=lambda: 1.0, base_s=1.0, ceiling_s=100.0)
    for _ in range(6):
        backoff.next_delay_s()
    backoff.connected()
    assert backoff.next_delay_s() == 2**SHAKY_FAILURES

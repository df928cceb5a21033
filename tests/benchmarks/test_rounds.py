"""Which of several rounds counts."""

from collections.abc import Iterator
from typing import Any

import pytest
from bench.rounds import LATE_MS, Disturbance, lateness, least_disturbed

ENOUGH = 0.1


def by_what_others_took(value: dict[str, Any]) -> Disturbance:
    return Disturbance(value["lost"], ENOUGH, f"lost {value['lost']}")


@pytest.mark.parametrize(
    ("lost", "counts", "said"),
    [
        ([0.05, 0.0], 0.05, []),
        ([0.5, 0.05, 0.0], 0.05, ["lost 0.5"]),
        ([0.5, 0.2, 0.3], 0.2, ["lost 0.5", "lost 0.2", "lost 0.3"]),
    ],
)
def test_the_first_that_is_good_enough_or_the_best_of_all_counts(
    lost: list[float], counts: float, said: list[str]
) -> None:
    rounds: Iterator[dict[str, Any]] = iter([{"lost": amount} for amount in lost])
    words: list[str] = []
    assert least_disturbed(lambda: next(rounds), by_what_others_took, 3, words.append) == {"lost": counts}
    assert words == said


def test_a_round_that_nobody_can_disturb_counts_at_once() -> None:
    rounds: Iterator[dict[str, Any]] = iter([{"kib": 8.7}])
    assert least_disturbed(lambda: next(rounds), lambda _: None, 3, pytest.fail) == {"kib": 8.7}


def test_at_a_fixed_rate_it_is_the_load_that_tells() -> None:
    assert lateness({"messages_per_s": 1.0}) is None
    assert lateness({"late_p99_ms": 0.3}) == Disturbance(0.3, LATE_MS, "the load was 0.3 ms late")

"""Whether the machine kept its pace, and what counts of what was measured meanwhile."""

import os
import time

from bench.cluster.forwarding import while_steady
from bench.steadiness import LEAD_S, RECOVERY_S, Watch, merged, spells, watching

USUAL_S = 40e-6


def watch_of(*found: tuple[float, float]) -> Watch:
    watch = Watch()
    watch.spells = list(found)
    return watch


def test_a_spell_is_from_before_the_first_slow_sample_until_it_has_recovered() -> None:
    samples = [(number / 10, (3 if 10 <= number < 14 else 1) * USUAL_S) for number in range(100)]
    [(begin, end)] = merged(list(spells(samples)))
    assert begin == 0.9 - LEAD_S
    assert end == 1.3 + 3 * USUAL_S + RECOVERY_S


def test_a_single_slow_sample_says_nothing() -> None:
    samples = [(number / 10, (9 if number % 10 == 5 else 1) * USUAL_S) for number in range(100)]
    assert list(spells(samples)) == []


def test_what_is_slow_is_told_by_the_faster_samples_and_not_by_the_median() -> None:
    samples = [(number / 10, (1 if number < 30 else 3) * USUAL_S) for number in range(100)]
    assert len(list(spells(samples))) == 70


def test_a_machine_that_keeps_its_pace_has_no_spells() -> None:
    assert list(spells([(0.0, USUAL_S), (0.1, 1.5 * USUAL_S)])) == []


def test_steady_is_outside_of_all_spells() -> None:
    watch = watch_of((1.0, 2.0), (5.0, 6.0))
    assert [at for at in (0.9, 1.0, 1.5, 2.0, 2.1, 4.9, 5.5, 7.0) if watch.steady(at)] == [0.9, 2.1, 4.9, 7.0]


def test_messages_count_that_were_due_while_it_was_steady() -> None:
    timeline = [(number / 100, 0.5 if 100 <= number < 200 else 0.002) for number in range(400)]
    found = while_steady({"rate": 100, "timeline": timeline}, watch_of((1.0, 2.0)))
    assert found["rate"] == 100
    assert (found["p99_ms"], found["all_p99_ms"], found["all_p50_ms"]) == (2.0, 500.0, 2.0)
    assert found["steady"] == 299 / 400  # at its end, too, a spell is not over yet
    assert "timeline" not in found


def test_without_any_steady_time_all_messages_count_and_the_round_says_so() -> None:
    found = while_steady({"timeline": [(0.0, 0.1), (0.5, 0.2)]}, watch_of((-1.0, 1.0)))
    assert found["p99_ms"] == found["all_p99_ms"] == 200.0
    assert found["steady"] == 0


def test_spells_of_several_cores_that_overlap_are_one() -> None:
    assert merged([(5.0, 6.0), (1.0, 3.0), (2.0, 2.5), (3.0, 4.0)]) == [(1.0, 4.0), (5.0, 6.0)]


def test_cores_are_watched_until_the_block_is_over() -> None:
    cores = set(sorted(os.sched_getaffinity(0))[:2])
    began = time.perf_counter()
    with watching(cores) as watch:
        assert watch.spells == []
    over = time.perf_counter()
    assert all(began - LEAD_S < begin < end < over + RECOVERY_S for begin, end in watch.spells)

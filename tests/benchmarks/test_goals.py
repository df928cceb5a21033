"""What was to be reached is compared with what was measured."""

from bench.data_channel import DATA_CHANNEL, PAGE
from bench.goals import GOALS, Goal
from bench.results import Measured, Results


def of_the_page() -> Goal:
    (goal,) = [goal for goal in GOALS if goal.of == PAGE]
    return goal


def measured(**values: list[float]) -> Results:
    rounds = {client: [{"ms": ms} for ms in series] for client, series in values.items()}
    return Results({DATA_CHANNEL: Measured({}, "2026-01-01", 3, rounds)})


def test_the_page_has_six_tenths_of_a_second_in_the_median() -> None:
    goal = of_the_page()
    quick = goal.value(measured(python=[9000.0], page=[9000.0, 599.0, 100.0]))
    slow = goal.value(measured(python=[1.0], page=[601.0, 1.0, 900.0]))
    assert (quick, slow, goal.unit) == (599.0, 601.0, " ms")
    assert goal.reached(599.0)
    assert not goal.reached(601.0)


def test_what_was_not_measured_has_no_verdict() -> None:
    assert of_the_page().value(measured(python=[1.0])) is None
    assert [goal.value(Results()) for goal in GOALS] == [None] * len(GOALS)

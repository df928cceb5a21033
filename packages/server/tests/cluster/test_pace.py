"""What goes to the bus together: the first at once, what follows closely after a pause that has an end."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from heliograph_server.cluster.pace import PAUSE_S, Pace


class Loop(asyncio.SelectorEventLoop):
    """An event loop with a clock that stands still unless it is moved."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def turn(self, *, later: float = 0.0) -> None:
        """Run one turn, so much later."""
        self.now += later
        self.call_soon(self.stop)
        self.run_forever()


class Diary:
    """Says what has been done, asked for while the loop runs."""

    def __init__(self, loop: Loop) -> None:
        self.done: list[str] = []
        self._loop = loop
        self._pace = Pace()

    def ask(self, what: str, do: Callable[[], object] | None = None) -> None:
        self._loop.call_soon(self._pace.soon, do or partial(self.done.append, what))
        self._loop.turn()


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def diary(loop: Loop) -> Diary:
    return Diary(loop)


def test_what_comes_alone_waits_for_nothing(loop: Loop, diary: Diary) -> None:
    diary.ask("a")
    loop.turn()
    assert diary.done == ["a"]
    loop.turn(later=PAUSE_S)
    diary.ask("b")
    loop.turn()
    assert diary.done == ["a", "b"]


def test_what_follows_waits_for_the_end_of_the_pause_and_goes_together(loop: Loop, diary: Diary) -> None:
    for what in "abc":
        diary.ask(what)
    loop.turn(later=PAUSE_S / 2)
    assert diary.done == ["a"]
    loop.turn(later=PAUSE_S / 2)
    assert diary.done == ["a", "b", "c"]


def test_after_what_waited_there_is_a_pause_again(loop: Loop, diary: Diary) -> None:
    diary.ask("a")
    diary.ask("b")
    loop.turn(later=PAUSE_S)
    diary.ask("c")
    loop.turn()
    assert diary.done == ["a", "b"]
    loop.turn(later=PAUSE_S)
    assert diary.done == ["a", "b", "c"]


def test_one_that_fails_does_not_keep_the_others_from_it(loop: Loop, diary: Diary) -> None:
    errors: list[object] = []
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    diary.ask("a")
    diary.ask("fails", partial(int, "no number"))
    diary.ask("b")
    loop.turn(later=PAUSE_S)
    assert diary.done == ["a", "b"]
    assert [type(error) for error in errors] == [ValueError]

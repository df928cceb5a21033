"""Rounds in which others took part: they are measured again, and the least disturbed one counts."""

import math
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

__all__ = ["LATE_MS", "Disturbance", "lateness", "least_disturbed"]

LATE_MS: Final = 0.2
"""How late the load may be with one of a hundred messages in a round at a fixed rate. Near its own limit it does not
catch up once it was disturbed for a moment; what is measured then is the load."""


class Disturbance(Struct, frozen=True):
    """What others took of a round, and how much of that is nothing to speak of."""

    amount: float
    enough: float
    words: str


def lateness(value: dict[str, Any]) -> Disturbance | None:
    """That of a round at a fixed rate: there it is the load that tells. None if it was as fast as it went."""
    late = value.get("late_p99_ms")
    return None if late is None else Disturbance(late, LATE_MS, f"the load was {late:.3g} ms late")


def least_disturbed(
    measure: Callable[[], dict[str, Any]],
    disturbance: Callable[[dict[str, Any]], Disturbance | None],
    attempts: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """A round that was hardly disturbed, or of so many the one that was least; the first one of a kind without any."""
    best: dict[str, Any] = {}
    least = math.inf
    for _ in range(attempts):
        value = measure()
        lost = disturbance(value)
        if lost is None:
            return value
        if lost.amount < least:
            best, least = value, lost.amount
        if least <= lost.enough:
            break
        say(lost.words)
    return best

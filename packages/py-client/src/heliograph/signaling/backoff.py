"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Backoff"]

BASE_S = 0.25
CEILING_S = 15.0
SHAKY_FAILURES = 2
"""What a connection that did not hold counts as: the server is there, and a session does not wait for long."""

STABLE_AFTER_S = 30.0
"""A connection that held this long counts as a success: the next drop starts from the base again."""


class Backoff:
    """Exponential back-off with full jitter, so that the peers of a restarted server do not come back as one.

    `rng` gives numbers in [0, 1); `clock` gives seconds that only grow.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        rng: Callable[[], float] = random.random,
        base_s: float = BASE_S,
        ceiling_s: float = CEILING_S,
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._base_s = base_s
        self._ceiling_s = ceiling_s
        self._failures = 0
        self._connected_at: float | None = None

    @property
    def failures(self) -> int:
        """Attempts since the last connection that held."""
        return self._failures

    def connected(self) -> None:
        """An attempt succeeded."""
        self._failures = min(self._failures, SHAKY_FAILURES)
        self._connected_at = self._clock()

    def next_delay_s(self) -> float:
        """Count a failure or a drop, and say how long to wait before the next attempt."""
        if self._connected_at is not None and self._clock() - self._connected_at >= STABLE_AFTER_S:
            self._failures = 0
        self._connected_at = None
        ceiling = min(self._ceiling_s, self._base_s * 2.0**self._failures)
        self._failures = min(self._failures + 1, 32)
        return self._rng() * ceiling

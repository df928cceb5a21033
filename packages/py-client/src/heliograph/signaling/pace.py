"""How fast to send: no faster than the server takes messages from one connection."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Pace"]


class Pace:
    """A token bucket: `per_s` messages a second, and as many at once after a pause; 0 for no limit.

    The server allows twice that burst, so what bunches up on the way still fits. `clock` gives seconds.
    """

    def __init__(self, per_s: int, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._clock = clock
        self._tokens = float(per_s)
        self._counted_at = clock()

    def take(self) -> bool:
        """Whether one message may go now; then it counts."""
        if self._per_s <= 0:
            return True
        now = self._clock()
        self._tokens = min(float(self._per_s), self._tokens + (now - self._counted_at) * self._per_s)
        self._counted_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def delay_s(self) -> float:
        """Seconds until `take` may succeed."""
        if self._per_s <= 0:
            return 0.0
        tokens = self._tokens + (self._clock() - self._counted_at) * self._per_s
        return max(0.0, (1 - tokens) / self._per_s)

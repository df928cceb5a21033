"""What may happen to a signal on its way, by chance."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from heliograph.errors import ConfigurationError

__all__ = ["Faults"]


@dataclass(kw_only=True)
class Faults:
    """How a `MemoryRoom` treats each signal, or `impair_path` each datagram. Chances are 0 to 1, delays in seconds.

    A signal that is reordered is held back until the next one to the same peer has gone ahead of it, or for
    `hold_s` if there is none. The same `seed` gives the same decisions for the same signals in the same order.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay_s: tuple[float, float] = (0.0, 0.0)
    hold_s: float = 0.2
    seed: int = 0
    _chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("drop", "duplicate", "reorder"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"{name} is a chance from 0 to 1, not {getattr(self, name)}")
        if not 0 <= self.delay_s[0] <= self.delay_s[1] or self.hold_s < 0:
            raise ConfigurationError("delay_s is a shortest and a longest delay, hold_s a time, all in seconds")
        self._chance = random.Random(self.seed)  # noqa: S311 - chance that can be repeated

    def fate(self) -> list[tuple[float, bool]]:
        """What becomes of the next signal: for each copy that arrives, its delay in seconds and whether it is held."""
        dropped, doubled = self._chance.random() < self.drop, self._chance.random() < self.duplicate
        copies = 0 if dropped else 2 if doubled else 1
        return [(self._chance.uniform(*self.delay_s), self._chance.random() < self.reorder) for _ in range(copies)]

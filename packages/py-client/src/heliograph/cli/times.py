"""Times and durations as people read them."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["ago", "duration", "until"]

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def duration(seconds: float) -> str:
    """The two largest units: `1 h 59 min`, `3 d`, `12 s`."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def until(unix_s: float, clock: Callable[[], float] = time.time) -> str:
    """`in 1 h 59 min`, or `12 s ago` if it is over."""
    left = unix_s - clock()
    return f"in {duration(left)}" if left > 0 else ago(unix_s, clock)


def ago(unix_s: float, clock: Callable[[], float] = time.time) -> str:
    """`12 s ago`."""
    return f"{duration(clock() - unix_s)} ago"

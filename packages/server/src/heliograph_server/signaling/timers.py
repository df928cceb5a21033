"""Time as a parameter: what has to happen later, so that tests turn the clock instead of waiting."""

import asyncio
from collections.abc import Callable
from typing import Protocol

__all__ = ["LoopTimers", "Timer", "Timers"]


class Timer(Protocol):
    """Something that will happen unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen. Harmless when it has."""


class Timers(Protocol):
    """Calls back later."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, `delay` seconds from now."""


class LoopTimers:
    """The running event loop's."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """See `Timers.call_later`."""
        return asyncio.get_running_loop().call_later(delay, callback)

"""When what is for the bus goes to it: at once where little happens, and together where much does."""

import asyncio
from collections.abc import Callable
from typing import Final

__all__ = ["PAUSE_S", "Pace", "Soon", "in_next_turn"]

PAUSE_S: Final = 0.002
"""How long what comes next waits for more. A message that goes to the bus alone wakes three processes, which takes them
several times what a message among others does. Event loops count in milliseconds, so that it may be half as long."""

Soon = Callable[[Callable[[], object]], object]
"""Has something done by the event loop, in its next turn or a moment later."""


def in_next_turn(call: Callable[[], object]) -> None:
    """Have it done in the next turn of the event loop: together with nothing but what belongs to this one."""
    asyncio.get_running_loop().call_soon(call)


class Pace:
    """Has things done in the next turn of the event loop, but not more often than once in `PAUSE_S`.

    What is asked for meanwhile happens when that time is over. Nobody waits for longer.
    """

    def __init__(self) -> None:
        self._next = float("-inf")

    def soon(self, call: Callable[[], object]) -> None:
        """Have it done. Those who ask in the same pause have theirs done in the same turn."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._next:
            loop.call_at(self._next, self._do, call)
        else:
            self._begin(loop)
            loop.call_soon(call)

    def _do(self, call: Callable[[], object]) -> None:
        self._begin(asyncio.get_running_loop())
        call()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._next = loop.time() + PAUSE_S

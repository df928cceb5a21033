"""Waiting for the writer to get on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Progress"]


class Progress:
    """Wakes up those who wait for something, each time that something may have changed."""

    def __init__(self) -> None:
        self._made = asyncio.Event()

    def made(self) -> None:
        """Something was sent, or never will be."""
        self._made.set()

    async def until(self, condition: Callable[[], bool], timeout_s: float | None) -> bool:
        """Wait until the condition holds; False if it does not within that time, if there is one."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._made.clear()
                    await self._made.wait()
        except TimeoutError:
            return False
        return True

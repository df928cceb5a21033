"""What was asked of the server, and who waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from heliograph.errors import SignalingError

__all__ = ["Questions"]


class Questions:
    """Futures by ref. An answer that nobody waits for any more is not taken.

    One that was taken just before its asker was cancelled goes to `unwanted`.
    """

    def __init__(self, unwanted: Callable[[Any], None]) -> None:
        self._unwanted = unwanted
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def wait(self, ref: int, timeout_s: float) -> Any:
        """The answer to what was put with this ref. Raises what it was refused with, or `TimeoutError`."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[ref] = answer
        try:
            await asyncio.wait([answer], timeout=timeout_s)
        except asyncio.CancelledError:
            if answer.done() and answer.exception() is None:
                self._unwanted(answer.result())
            raise
        finally:
            del self._waiting[ref]
        if not answer.done():
            raise TimeoutError
        return answer.result()

    def answer(self, ref: int, value: object) -> bool:
        """The answer has arrived. Whether anybody waited for it."""
        if (waiting := self._waiting.get(ref)) is None or waiting.done():
            return False
        waiting.set_result(value)
        return True

    def refuse(self, ref: int, error: SignalingError) -> bool:
        """There will be no answer. Whether anybody waited for one."""
        if (waiting := self._waiting.get(ref)) is None or waiting.done():
            return False
        waiting.set_exception(error)
        return True

    def refuse_all(self, error: SignalingError) -> None:
        """No answers will come."""
        for ref in self._waiting:
            self.refuse(ref, error)

"""Questions to the server that wait for their answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.errors import RequestTimeout, SignalingError

__all__ = ["Answer", "Questions"]

REQUEST_TIMEOUT_S = 10.0

Answer = list[str] | int
"""The peers of a room, or the server's time."""


class Questions:
    """Futures by ref. An answer that nobody waits for any more is dropped."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[Answer]] = {}

    @asynccontextmanager
    async def asked(self, ref: int) -> AsyncIterator[asyncio.Future[Answer]]:
        """The answer to a question that is sent within; it has to be awaited within, too. Raises `RequestTimeout`."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[ref] = answer
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                yield answer
        except TimeoutError as error:
            raise RequestTimeout(f"The server did not answer in {REQUEST_TIMEOUT_S:g} s") from error
        finally:
            self._waiting.pop(ref, None)

    def answer(self, ref: int, value: Answer) -> None:
        """The answer has arrived."""
        if (waiting := self._waiting.get(ref)) and not waiting.done():
            waiting.set_result(value)

    def refuse(self, ref: int, error: SignalingError) -> None:
        """The server refused the question."""
        if (waiting := self._waiting.get(ref)) and not waiting.done():
            waiting.set_exception(error)

    def refuse_all(self, error: SignalingError) -> None:
        """No answers will come."""
        for ref in self._waiting:
            self.refuse(ref, error)

"""The events of a session, a worker or a connection, from where they happen to whoever reads them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from heliograph.errors import EventsMissed, HeliographError

__all__ = ["MAX_EVENTS", "MAX_UNREAD_EVENTS", "EventStream"]

E = TypeVar("E")

MAX_EVENTS = 4096
"""Events that wait to be read. A message is one, of 64 KiB at most by default."""
MAX_UNREAD_EVENTS = 256
"""Those kept before anybody reads: a worker that never does serves thousands of clients, who come and go."""


class EventStream(Generic[E]):
    """Keeps the newest `MAX_EVENTS` for one reader.

    Before somebody reads, it is `MAX_UNREAD_EVENTS`, and older ones are forgotten without a word.
    """

    def __init__(self) -> None:
        self._events: deque[E] = deque()
        self._arrived = asyncio.Event()
        self._read_from = False
        self._missed = 0
        self._ended = False
        self._failure: HeliographError | None = None

    def put(self, event: E) -> None:
        """Something has happened."""
        self._events.append(event)
        if len(self._events) > (MAX_EVENTS if self._read_from else MAX_UNREAD_EVENTS):
            self._events.popleft()
            self._missed += self._read_from
        self._arrived.set()

    def end(self, failure: HeliographError | None) -> None:
        """Nothing will happen any more, for this reason if there is one. What ended it first counts."""
        if self._ended:
            return
        self._ended = True
        self._failure = failure
        self._arrived.set()

    async def read(self) -> AsyncIterator[E]:
        """The events, oldest first. Raises `EventsMissed`, or in the end what ended the registration, if it did."""
        self._read_from = True
        while True:
            if self._missed:
                missed, self._missed = self._missed, 0
                raise EventsMissed(f"{missed} events came faster than they were read, and are lost")
            if self._events:
                yield self._events.popleft()
            elif self._ended:
                break
            else:
                self._arrived.clear()
                await self._arrived.wait()
        if self._failure is not None:
            raise self._failure

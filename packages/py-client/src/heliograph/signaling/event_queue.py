"""Events on their way from the socket to whoever iterates over a client."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from heliograph.events import SignalingEvent

__all__ = ["EVENT_QUEUE_SIZE", "EventQueue"]

EVENT_QUEUE_SIZE = 1024
"""Events not yet read. When it is full the socket is not read either, and the server sees a slow receiver."""


class EventQueue:
    """In order, for one reader. Whoever puts waits for room before, so that what was taken in is never lost here."""

    def __init__(self) -> None:
        self._events: deque[SignalingEvent] = deque()
        self._ended = False
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def put(self, event: SignalingEvent) -> None:
        """Something has happened."""
        self._events.append(event)
        self._arrived.set()
        if len(self._events) >= EVENT_QUEUE_SIZE:
            self._has_room.clear()

    async def wait_for_room(self) -> None:
        """Wait until all but `EVENT_QUEUE_SIZE` events, at most, were read."""
        await self._has_room.wait()

    def end(self) -> None:
        """Nothing will happen any more."""
        self._ended = True
        self._arrived.set()

    async def read(self) -> AsyncIterator[SignalingEvent]:
        """The events until the end."""
        while True:
            while not self._events:
                if self._ended:
                    return
                self._arrived.clear()
                await self._arrived.wait()
            event = self._events.popleft()
            if len(self._events) < EVENT_QUEUE_SIZE:
                self._has_room.set()
            yield event

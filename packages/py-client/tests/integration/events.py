"""Reading the events of a session or worker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import pytest

E = TypeVar("E")

NEWS_TIMEOUT_S = 20


async def heard(events: AsyncIterator[Any], until: type[Any]) -> list[Any]:
    """All events up to the next of that kind, and that one."""
    passed = []
    async with asyncio.timeout(NEWS_TIMEOUT_S):
        async for event in events:
            passed.append(event)
            if isinstance(event, until):
                return passed
    pytest.fail(f"there was no {until.__name__}, but {passed}")


async def next_of(kind: type[E], events: AsyncIterator[Any]) -> E:
    """The next event of that kind, past all others."""
    event: E = (await heard(events, until=kind))[-1]
    return event

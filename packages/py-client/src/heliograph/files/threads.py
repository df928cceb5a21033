"""Blocking work in a worker thread, which nobody leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import ParamSpec, TypeVar

__all__ = ["ALIVE_S", "closing_in_thread", "in_thread", "while_alive"]

ALIVE_S = 2.0
"""How often the other side is told that this one is still busy."""

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run one bounded step in a thread. A caller that is cancelled waits for its end: it uses the caller's files."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        if not working.cancelled():
            working.exception()  # nobody is left to hear of it
        raise


@asynccontextmanager
async def closing_in_thread() -> AsyncIterator[ExitStack]:
    """A stack that is closed in a thread. A thread puts what it opens there itself: its caller may be cancelled."""
    stack = ExitStack()
    try:
        yield stack
    finally:
        await in_thread(stack.close)


async def while_alive(work: Awaitable[T], say: Callable[[], Awaitable[None]]) -> T:
    """Wait for work to be done, and every two seconds until then `say` that it goes on."""
    working = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([working], timeout=ALIVE_S))[0]:
            await say()
        return working.result()
    finally:
        working.cancel()
        await asyncio.wait([working])

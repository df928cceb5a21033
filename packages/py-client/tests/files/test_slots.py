"""How many files arrive at once."""

import asyncio
from contextlib import AsyncExitStack

from heliograph.files.slots import Slots


async def taken(slots: Slots, stack: AsyncExitStack, peer_id: str, count: int) -> int:
    """How many of so many slots a peer gets without waiting."""

    async def take() -> None:
        await stack.enter_async_context(slots.of(peer_id))

    tasks = [asyncio.create_task(take()) for _ in range(count)]
    for _ in range(5):
        await asyncio.sleep(0)
    done = sum(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return done


async def test_one_peer_has_a_quarter_at_most() -> None:
    slots = Slots()
    async with AsyncExitStack() as stack:
        assert await taken(slots, stack, "Greedy", 20) == 4
        assert await taken(slots, stack, "Other", 3) == 3
        assert await taken(slots, stack, "Greedy", 1) == 0
    async with AsyncExitStack() as stack:
        assert [await taken(slots, stack, f"Peer-{number}", 4) for number in range(5)] == [4, 4, 4, 4, 0]


async def test_a_peer_that_is_alone_may_have_all() -> None:
    slots = Slots(of_one_peer=16)
    async with AsyncExitStack() as stack:
        assert await taken(slots, stack, "Only", 20) == 16

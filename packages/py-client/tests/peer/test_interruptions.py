"""Whatever moment somebody gives up in, nothing is left, nobody waits, and the next connection comes about."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

import heliograph
from heliograph.peer.switchboard import Switchboard
from heliograph.testing import MemoryRoom

from .peers import dial, peer

pytestmark = pytest.mark.usefixtures("nothing_is_left_running")

LIMIT_S = 10
STEPS = (*range(24), *range(24, 150, 14))
"""Turns of the event loop after which it happens; a connection takes about 100 of them."""

Interruption = Callable[[asyncio.Task[None], Switchboard, Switchboard], Awaitable[object]]


async def cancelled(dialling: asyncio.Task[None], _client: Switchboard, _worker: Switchboard) -> None:
    dialling.cancel()


async def closed_here(_dialling: asyncio.Task[None], client: Switchboard, _worker: Switchboard) -> None:
    await asyncio.gather(*(connection.close() for connection in client.connections))


async def closed_there(_dialling: asyncio.Task[None], _client: Switchboard, worker: Switchboard) -> None:
    await asyncio.gather(*(connection.close() for connection in worker.connections))


@pytest.fixture
async def complaints() -> list[object]:
    """What the event loop complains of: exceptions in tasks that nobody waits for."""
    found: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: found.append(context))
    return found


async def talk(client: Switchboard) -> None:
    async with await dial(client, "Worker-1") as connection:
        chat = connection.channel("chat")
        await chat.send("hello")
        assert await chat.receive() == "hello"


async def gone(tasks: set[asyncio.Task[object]], *switchboards: Switchboard) -> None:
    """Nothing else runs than these, and there is no connection."""

    def left() -> list[object]:
        return [*(asyncio.all_tasks() - tasks), *(each for board in switchboards for each in board.connections)]

    try:
        async with asyncio.timeout(4):  # less than any time-out that would clear up after a leak
            while left():  # noqa: ASYNC110 - aiortc's own tasks see by and by that all is closed
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"left: {left()}")


@pytest.mark.parametrize("interruption", [cancelled, closed_here, closed_there])
async def test_a_connection_may_be_given_up_at_any_moment(interruption: Interruption, complaints: list[object]) -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1") as worker, peer(room, "Client-1") as client:
        for steps in STEPS:
            before = asyncio.all_tasks()
            dialling = asyncio.create_task(talk(client))
            for _ in range(steps):
                await asyncio.sleep(0)
            await interruption(dialling, client, worker)
            async with asyncio.timeout(LIMIT_S):
                await asyncio.wait([dialling])
            if not dialling.cancelled() and (error := dialling.exception()) is not None:
                assert isinstance(error, heliograph.HeliographError), f"after {steps} turns: {error!r}"
            await gone(before, client, worker)
        await talk(client)
    assert complaints == []

"""Look-ups that share."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from heliograph_server.rooms.batches import BATCH_KEYS, Batches


class Shelf:
    """Something that is looked up in, one batch at a time, when the test lets it."""

    def __init__(self) -> None:
        self.values = {number: number * 10 for number in range(2 * BATCH_KEYS)}
        self.asked: list[list[int]] = []
        self.may_answer = asyncio.Event()
        self.failure: Exception | None = None

    async def look_up(self, keys: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(list(keys))
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure
        return {key: self.values[key] for key in keys if key in self.values}


@pytest.fixture
async def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def batches(shelf: Shelf) -> Batches[int, int]:
    return Batches(shelf.look_up)


async def turns() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_those_who_ask_meanwhile_share_the_next(shelf: Shelf, batches: Batches[int, int]) -> None:
    asking = [asyncio.create_task(batches.get(1))]
    await turns()
    asking += [asyncio.create_task(batches.get(key)) for key in (2, 3, 2, 1)]
    await turns()
    assert shelf.asked == [[1]]
    shelf.values[1] = 11  # changed after the first had asked
    shelf.may_answer.set()
    assert await asyncio.gather(*asking) == [11, 20, 30, 20, 11]
    assert shelf.asked == [[1], [2, 3, 1]], "the second question about 1 is answered anew"


async def test_what_is_not_there_is_none(shelf: Shelf, batches: Batches[int, int]) -> None:
    shelf.may_answer.set()
    assert await batches.get(-1) is None


async def test_a_batch_is_bounded(shelf: Shelf, batches: Batches[int, int]) -> None:
    shelf.may_answer.set()
    values = await asyncio.gather(*(batches.get(key) for key in range(BATCH_KEYS + 1)))
    assert values[-1] == BATCH_KEYS * 10
    assert [len(keys) for keys in shelf.asked] == [BATCH_KEYS, 1]


async def test_a_failure_reaches_those_who_asked_and_nobody_after(shelf: Shelf, batches: Batches[int, int]) -> None:
    shelf.failure = OSError("gone")
    shelf.may_answer.set()
    results = await asyncio.gather(batches.get(1), batches.get(2), return_exceptions=True)
    assert [type(result) for result in results] == [OSError, OSError]
    shelf.failure = None
    assert await batches.get(1) == 10


async def test_one_who_gives_up_takes_nothing_from_the_others(shelf: Shelf, batches: Batches[int, int]) -> None:
    first, second = (asyncio.create_task(batches.get(1)) for _ in range(2))
    await turns()
    first.cancel()
    shelf.may_answer.set()
    assert await second == 10
    with pytest.raises(asyncio.CancelledError):
        await first

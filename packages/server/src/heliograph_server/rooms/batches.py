"""Many look-ups as few: a look-up in another thread costs two changes of thread, one for many costs as much."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

__all__ = ["BATCH_KEYS", "Batches"]

BATCH_KEYS: Final = 500
"""Of how many keys one batch is, at most."""

K = TypeVar("K")
V = TypeVar("V")


class Batches(Generic[K, V]):
    """Those who ask while a batch is under way make up the next one, so every answer is from after its question.

    `look_up` gives what there is for some keys; what it raises reaches all who asked for one of them.
    """

    def __init__(self, look_up: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._look_up = look_up
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """What there is for `key`. Waits for the batch under way, if there is one, and for its own."""
        answer = self._waiting.get(key)
        if answer is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._task is None:
                self._task = asyncio.create_task(self._work(), name="look-ups")
        return await asyncio.shield(answer)  # others may wait for it too

    async def _work(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:BATCH_KEYS]
                await self._answer({key: self._waiting.pop(key) for key in keys})
        finally:
            self._task = None
            for answer in self._waiting.values():  # there are some only if the server ends
                answer.cancel()

    async def _answer(self, batch: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._look_up(list(batch))
        except asyncio.CancelledError:
            for answer in batch.values():
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is for those who asked
            for answer in batch.values():
                answer.set_exception(error)
                answer.exception()  # none of them may be there any more
            return
        for key, answer in batch.items():
            answer.set_result(found.get(key))

"""Results as they come. The worker: python streaming_results.py 'http://…/#room=…&token=…'; a caller: a number more."""

import asyncio
import sys
from collections.abc import AsyncIterator

from msgspec import Struct

import heliograph


class Progress(Struct):
    step: int
    loss: float


worker = heliograph.Worker(sys.argv[1], peer_id="Worker-1")


@worker.rpc("train")
async def train(steps: int) -> AsyncIterator[Progress]:
    try:
        for step in range(1, steps + 1):
            yield Progress(step, 1 / step)
    finally:
        print("the training is over")


async def watch(link: str, steps: str) -> None:
    async with (
        heliograph.connect(link, peer="Worker-1") as connection,
        connection.stream("train", int(steps), returns=Progress) as training,  # leaving the block cancels it
    ):
        async for progress in training:
            print(f"step {progress.step}: loss {progress.loss:.2f}")
            if progress.loss < 0.3:
                break


asyncio.run(watch(*sys.argv[1:]) if sys.argv[2:] else worker.run())

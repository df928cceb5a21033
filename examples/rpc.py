"""Remote calls. The worker: python rpc.py 'http://…/#room=…&token=…'; a caller: the same, then numbers."""

import asyncio
import sys

from msgspec import Struct

import heliograph


class Numbers(Struct):
    values: list[float]


class Summary(Struct):
    count: int
    mean: float


worker = heliograph.Worker(sys.argv[1], peer_id="Worker-1")


@worker.rpc("summarize")
async def summarize(numbers: Numbers, digits: int = 2) -> Summary:
    if not numbers.values:
        raise heliograph.RpcError("There is no mean of no numbers", code="NO_NUMBERS")
    return Summary(len(numbers.values), round(sum(numbers.values) / len(numbers.values), digits))


async def ask(link: str, *values: str) -> None:
    async with heliograph.connect(link, peer="Worker-1") as connection:
        numbers = Numbers([float(value) for value in values])
        print(await connection.call("summarize", numbers, digits=1, returns=Summary, timeout_s=10))
        try:
            await connection.call("summarize", Numbers([]))
        except heliograph.RpcError as error:
            print(f"{error.code}: {error}")


asyncio.run(ask(*sys.argv[1:]) if sys.argv[2:] else worker.run())

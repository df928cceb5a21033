"""One worker of a pool; start several: python worker_pool.py 'http://…/#room=…&token=…' gpu_memory_mb=16384"""

import asyncio
import sys

import heliograph


def properties(arguments: list[str]) -> dict[str, int]:
    """What the command line says about this worker."""
    return {name: int(value) for name, _, value in (argument.partition("=") for argument in arguments)}


worker = heliograph.Worker(sys.argv[1], tags=["pool"], properties=properties(sys.argv[2:]))


@worker.on_channel("jobs")
async def work(channel: heliograph.Channel) -> None:
    await worker.update(status="busy")
    try:
        async for job in channel:
            await channel.send(f"{worker.peer_id} has done {job!r}")
    finally:
        await worker.update(status=None)


asyncio.run(worker.run())

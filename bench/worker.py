"""A worker that echoes. `python bench/worker.py LINK NAME [ID_TOKEN]` prints a line once it is there."""

import asyncio
import gc
import sys

import heliograph


async def main() -> None:
    """Serve until killed."""
    link, name, *identity = sys.argv[1:]
    worker = heliograph.Worker(link, peer_id=name, id_token=identity[0] if identity else None)

    @worker.on_channel("chat")
    async def echo(channel: heliograph.Channel) -> None:
        async for message in channel:
            await channel.send(message)

    @worker.rpc("collect")
    async def collect() -> int:
        gc.collect()
        return len(asyncio.all_tasks())

    async with worker:
        print("here", flush=True)
        await asyncio.Event().wait()


asyncio.run(main())

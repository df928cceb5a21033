"""A worker that echoes. `python bench/worker.py LINK NAME` prints a line once it is there."""

import asyncio
import sys

import heliograph


async def main() -> None:
    """Serve until killed."""
    link, name = sys.argv[1:]
    worker = heliograph.Worker(link, peer_id=name)

    @worker.on_channel("chat")
    async def echo(channel: heliograph.Channel) -> None:
        async for message in channel:
            await channel.send(message)

    async with worker:
        print("here", flush=True)
        await asyncio.Event().wait()


asyncio.run(main())

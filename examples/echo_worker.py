"""A worker that echoes. Give it a room link: python echo_worker.py 'http://127.0.0.1:8001/#room=…&token=…'"""

import asyncio
import sys

import heliograph

worker = heliograph.Worker(sys.argv[1], peer_id="Worker-1")


@worker.on_channel("chat")
async def echo(channel: heliograph.Channel) -> None:
    async for message in channel:
        await channel.send(message)


asyncio.run(worker.run())

"""Through a TURN relay alone, so that neither side learns the other's address.

The worker: python relay_only.py LINK; a client: python relay_only.py LINK hello. The signaling server names the relay
and gives the credentials.
"""

import asyncio
import sys

import heliograph

worker = heliograph.Worker(sys.argv[1], peer_id="Worker-1", relay_only=True)


@worker.on_channel("chat")
async def echo(channel: heliograph.Channel) -> None:
    async for message in channel:
        await channel.send(message)


async def ask(link: str, question: str) -> None:
    async with heliograph.connect(link, peer="Worker-1", relay_only=True) as connection:
        report = connection.report()
        print(f"candidates here: {sorted(report.local_candidates)}, there: {sorted(report.remote_candidates)}")
        chat = connection.channel("chat")
        await chat.send(question)
        print(await chat.receive())


asyncio.run(ask(*sys.argv[1:]) if sys.argv[2:] else worker.run())

"""Ask the worker something: python ask_worker.py 'http://127.0.0.1:8001/#room=…&token=…' hello"""

import asyncio
import sys

import heliograph


async def ask(link: str, question: str) -> None:
    async with heliograph.connect(link, peer="Worker-1") as connection:
        chat = connection.channel("chat")
        await chat.send(question)
        print(await chat.receive())


asyncio.run(ask(*sys.argv[1:]))

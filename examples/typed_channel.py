"""Values in the place of texts and bytes. The worker: python typed_channel.py LINK; a client: the same, then words."""

import asyncio
import sys

from msgspec import Struct

import heliograph


class Word(Struct):
    text: str
    letters: int | None = None


worker = heliograph.Worker(sys.argv[1], peer_id="Worker-1")


@worker.on_channel("words", type=Word)
async def count(channel: heliograph.TypedChannel[Word]) -> None:
    async for word in channel:
        await channel.send(Word(word.text, letters=len(word.text)))


async def ask(link: str, *words: str) -> None:
    async with (
        heliograph.connect(link, peer="Worker-1") as connection,
        connection.channel("words", type=Word) as channel,
    ):
        for text in words:
            await channel.send(Word(text))
            print(await channel.receive())


asyncio.run(ask(*sys.argv[1:]) if sys.argv[2:] else worker.run())

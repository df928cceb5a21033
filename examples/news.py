"""Everybody in a group hears the news, and who comes and goes: python news.py LINK NAME [WORDS to tell the others]"""

import asyncio
import sys

import heliograph


async def listen(link: str, name: str) -> None:
    async with heliograph.connect(link, peer_id=name, groups="news") as session:
        async for event in session.events():
            match event:
                case heliograph.Registered():
                    print(f"{name} listens", flush=True)
                case heliograph.PeerJoined(peer=peer):
                    print(f"{peer.peer_id} has come", flush=True)
                case heliograph.PeerLeft(peer=peer):
                    print(f"{peer.peer_id} has left", flush=True)
                case heliograph.PeerMessage(from_peer_id=sender, payload=words):
                    print(f"{sender}: {words}", flush=True)
                case _:
                    pass


async def tell(link: str, name: str, words: str) -> None:
    async with heliograph.connect(link, peer_id=name, groups="news") as session:
        await session.broadcast("news", words, ack=True)


asyncio.run(tell(*sys.argv[1:]) if sys.argv[3:] else listen(*sys.argv[1:]))

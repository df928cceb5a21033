"""Send a file to a worker: python send_file.py 'http://127.0.0.1:8001/#room=…&token=…' Worker-1 photo.jpg"""

import asyncio
import sys

import heliograph


async def send(link: str, peer: str, path: str) -> None:
    async with heliograph.connect(link, peer=peer) as connection:
        sent = await heliograph.send_file(connection, path)
        print(f"{peer} has {sent.name}: {sent.size} bytes, SHA-256 {sent.sha256}")


asyncio.run(send(*sys.argv[1:]))

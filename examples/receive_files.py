"""Receive files into a folder: python receive_files.py 'http://127.0.0.1:8001/#room=…&token=…' inbox

Kill this program or a `send_file.py` in the middle, start it again, and it goes on where it was.
"""

import asyncio
import sys

import heliograph


async def receive(link: str, folder: str) -> None:
    worker = heliograph.Worker(link, peer_id="Worker-1")
    async with worker, heliograph.receive_files(worker, into=folder, max_bytes=10_000_000_000) as files:
        async for file in files:
            print(f"{file.path}: {file.size} bytes from {file.peer_id}, resumed at {file.resumed_at}", flush=True)


asyncio.run(receive(*sys.argv[1:]))

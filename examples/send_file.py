"""Send a file to a worker: python send_file.py 'http://127.0.0.1:8001/#room=…&token=…' Worker-1 photo.jpg

When it is interrupted, the next run goes on where the worker has verified it.
"""

import asyncio
import sys

import heliograph


def show(done: int, total: int) -> None:
    print(f"\r{done:,} of {total:,} bytes", end="", file=sys.stderr, flush=True)


async def send(link: str, peer: str, path: str) -> None:
    async with heliograph.connect(link, peer=peer) as connection:
        sent = await connection.send_file(path, progress=show if sys.stderr.isatty() else None)
        print(f"{peer} has {sent.name}: {sent.size} bytes, SHA-256 {sent.sha256}")


asyncio.run(send(*sys.argv[1:]))

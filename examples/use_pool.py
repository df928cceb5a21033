"""Have a job done by a worker that nobody else uses: python use_pool.py 'http://…/#room=…&token=…' 8192 training"""

import asyncio
import sys

import heliograph


async def use(link: str, memory_mb: str, job: str) -> None:
    async with heliograph.connect(link) as session:
        print(f"{len(await session.discover(tags=['pool']))} in the pool")
        async with (
            session.claim(tags=["pool"], gpu_memory_mb={"$gte": int(memory_mb)}, wait_s=30) as claim,
            await session.connect(claim.peer_id) as connection,
        ):
            jobs = connection.channel("jobs")
            await jobs.send(job)
            print(await jobs.receive())


asyncio.run(use(*sys.argv[1:]))

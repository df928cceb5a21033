"""Many clients after few workers, through the SDK: nobody is given what another holds, and nobody starves."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any, Final

import heliograph

CLIENTS: Final = 50
WORKERS: Final = 10
CLAIMS: Final = 1000


class Contention:
    """What the clients share: who holds which worker as far as they know, and how much is left to do."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.made: Counter[str] = Counter()
        self.used: Counter[str] = Counter()
        self.left = CLAIMS

    async def client(self, session: heliograph.Session) -> None:
        """Claim, hold for a turn of the loop, release; until all claims are made."""
        while self.left > 0:
            self.left -= 1
            async with session.claim(role="worker", wait_s=60) as claim:
                assert claim.peer_id not in self.held, "claimed twice"
                self.held.add(claim.peer_id)
                self.made[session.peer_id] += 1
                self.used[claim.peer_id] += 1
                await asyncio.sleep(0)
                self.held.remove(claim.peer_id)
                claim.check()


async def test_fifty_clients_share_ten_workers(fast_server: Any) -> None:
    room = await heliograph.create_room(fast_server.url)
    where: Any = {"room": room.room_id, "token": room.token}
    contention = Contention()
    async with AsyncExitStack() as stack:
        for number in range(WORKERS):
            worker = heliograph.Worker(fast_server.url, peer_id=f"worker-{number}", **where)
            await stack.enter_async_context(worker)
        clients = [
            await stack.enter_async_context(heliograph.connect(fast_server.url, peer_id=f"client-{number}", **where))
            for number in range(CLIENTS)
        ]
        async with asyncio.timeout(100), asyncio.TaskGroup() as tasks:
            for client in clients:
                tasks.create_task(contention.client(client))
        free = await clients[0].discover(role="worker")
        assert len(free) == WORKERS
        assert not any(peer.claimed_by for peer in free)
    assert contention.made.total() == CLAIMS
    assert len(contention.used) == WORKERS
    assert min(contention.made.values()) >= CLAIMS / CLIENTS / 2
    assert len(contention.made) == CLIENTS

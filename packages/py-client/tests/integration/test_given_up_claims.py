"""Claims that are given up at any moment, over connections that are cut: in the end nobody holds anything."""

import asyncio
import random
from contextlib import AsyncExitStack
from typing import Any, Final

from cutting_proxy import CuttingProxy, cutting_proxy

import heliograph
from heliograph_protocol import ClaimPeer, DiscoverPeers, PeerList

WORKERS: Final = 3
CLIENTS: Final = 6
ROUNDS: Final = 40
PATIENCE_S: Final = 0.15
HELD_S: Final = 0.01
CUTS: Final = 20
BETWEEN_CUTS_S: Final = 0.1
SETTLE_TIMEOUT_S: Final = 20


async def claim_and_give_up(client: heliograph.SignalingClient, rng: random.Random) -> int:
    """How often a claim was made before patience ended."""
    made = 0
    for _ in range(ROUNDS):
        try:
            async with asyncio.timeout(rng.uniform(0, PATIENCE_S)):
                claim = await client.claim(ClaimPeer(ttl_s=3600, wait_s=1))
                made += 1
                try:
                    await asyncio.sleep(rng.uniform(0, HELD_S))
                finally:
                    await claim.release()
        except (TimeoutError, heliograph.NoPeerAvailable):
            continue
        except heliograph.RateLimited:  # what was given up stands in line until its time is over: 16 at most
            await asyncio.sleep(PATIENCE_S)
    return made


async def cut_now_and_then(proxy: CuttingProxy) -> None:
    for _ in range(CUTS):
        await asyncio.sleep(BETWEEN_CUTS_S)
        proxy.cut()


async def test_nothing_stays_claimed(fast_server: Any) -> None:
    room = await heliograph.create_room(fast_server.url)
    where: dict[str, Any] = {"room": room.room_id, "token": room.token, "rng": lambda: 0.01}
    rng = random.Random(20_262)
    async with (
        AsyncExitStack() as stack,
        cutting_proxy(fast_server.http_port, rng) as proxy,
        heliograph.SignalingClient(fast_server.url, **where, groups="onlookers", peer_id="onlooker") as onlooker,
    ):
        for number in range(WORKERS):
            worker = heliograph.SignalingClient(
                fast_server.url, **where, role="worker", peer_id=f"W{number}", groups=["default", "onlookers"]
            )
            await stack.enter_async_context(worker)
        clients = [heliograph.SignalingClient(proxy.url, **where, properties={"max_claims": 0}) for _ in range(CLIENTS)]
        for client in clients:
            await stack.enter_async_context(client)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(cut_now_and_then(proxy))
            claiming = [tasks.create_task(claim_and_give_up(client, rng)) for client in clients]
        assert sum(task.result() for task in claiming) > CLIENTS
        async with asyncio.timeout(SETTLE_TIMEOUT_S):
            while any(peer.claimed_by for peer in (await onlooker.ask(DiscoverPeers(), PeerList)).peers):  # noqa: ASYNC110 - claims are no news
                await asyncio.sleep(0.05)

"""Clients on all nodes after the same few workers: none is ever given to more of them than it takes."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

import heliograph

from .nodes import Nodes, running_nodes
from .scale import FULL

CLIENTS: Final = 48
WORKERS: Final = 12
CLAIMS: Final = 10_000 if FULL else 1_000
REPLY_S: Final = 60.0


class Contention:
    """What the clients share: how often each worker is held, as far as they know, and how much is left to do."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: Counter[str] = Counter()
        self._left = CLAIMS
        self.made: Counter[str] = Counter()
        self.used: Counter[str] = Counter()
        self.most = 0
        """How many have held the same worker at the same time."""

    async def client(self, name: str, socket: ClientConnection) -> None:
        """Claim, hold for a turn of the loop, release; until all claims are made."""
        while self._left > 0:
            self._left -= 1
            await socket.send('{"type":"claim_peer","filters":{"role":"worker"},"wait_s":60}')
            claim = await hear(socket, "peer_claimed")
            worker = claim["peer"]["peer_id"]
            self._held[worker] += 1
            self.most = max(self.most, self._held[worker])
            assert self._held[worker] <= self._capacity, f"{worker} was claimed too often"
            self.made[name] += 1
            self.used[worker] += 1
            await asyncio.sleep(0)
            self._held[worker] -= 1
            await socket.send(json.dumps({"type": "release_claim", "claim_id": claim["claim_id"]}))
            await hear(socket, "claim_released")


async def hear(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The answer that is waited for, past positions in the line."""
    async with asyncio.timeout(REPLY_S):
        while (message := json.loads(await socket.recv()))["type"] == "claim_queued":
            pass
    assert message["type"] == kind, message
    found: dict[str, Any] = message
    return found


@pytest.fixture(scope="module")
async def nodes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Nodes]:
    async with running_nodes(tmp_path_factory.mktemp("nodes"), random.Random(0), proxies=False) as nodes:
        yield nodes


@pytest.mark.timeout(300)
@pytest.mark.parametrize("capacity", [1, 2])
async def test_no_worker_is_claimed_by_more_than_it_takes(nodes: Nodes, capacity: int) -> None:
    async with heliograph.Api(nodes.nodes[0].url) as api:
        id_token = (await api.sign_in()).id_token
        room = await api.create_room(id_token=id_token)
    fields = {"type": "register", "room_id": room.room_id, "token": room.token, "id_token": id_token}
    urls = nodes.ws_urls
    contention = Contention(capacity)
    async with AsyncExitStack() as stack:

        async def come(name: str, number: int, **more: Any) -> ClientConnection:
            socket = await stack.enter_async_context(websockets.connect(urls[number % len(urls)], compression=None))
            await socket.send(json.dumps(fields | {"peer_id": name} | more))
            await hear(socket, "registered_auth")
            return socket

        worker = {"role": "worker", "metadata": {"properties": {"max_claims": capacity}}}
        for number in range(WORKERS):
            await come(f"worker-{number}", number, **worker)
        clients = [await come(f"client-{number}", number, role="client") for number in range(CLIENTS)]
        async with asyncio.TaskGroup() as tasks:
            for number, socket in enumerate(clients):
                tasks.create_task(contention.client(f"client-{number}", socket))
        await clients[0].send('{"type":"discover_peers","filters":{"role":"worker"}}')
        free = (await hear(clients[0], "peer_list"))["peers"]
    assert len(free) == WORKERS
    assert not any("claimed_by" in peer for peer in free)
    assert contention.made.total() == CLAIMS
    assert contention.most == capacity
    assert len(contention.used) == WORKERS
    assert len(contention.made) == CLIENTS
    assert nodes.complaints() == []

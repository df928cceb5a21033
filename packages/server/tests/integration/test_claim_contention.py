"""Many clients after few workers, over real sockets: nobody is given what another holds, and nobody starves."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import websockets
from websockets.asyncio.client import ClientConnection

from .running import RunningServer, ask, hear, running

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

    async def client(self, name: str, socket: ClientConnection) -> None:
        """Claim, hold for a turn of the loop, release; until all claims are made."""
        while self.left > 0:
            self.left -= 1
            await socket.send(json.dumps({"type": "claim_peer", "filters": {"role": "worker"}, "wait_s": 60}))
            claim = await answer(socket, "peer_claimed")
            worker = claim["peer"]["peer_id"]
            assert worker not in self.held, "claimed twice"
            self.held.add(worker)
            self.made[name] += 1
            self.used[worker] += 1
            await asyncio.sleep(0)
            self.held.remove(worker)
            await socket.send(json.dumps({"type": "release_claim", "claim_id": claim["claim_id"]}))
            await answer(socket, "claim_released")


async def answer(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The answer that is waited for, past positions in the line."""
    while (message := await hear(socket))["type"] == "claim_queued":
        pass
    assert message["type"] == kind, message
    return message


async def test_fifty_clients_share_ten_workers(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit=10_000) as server:
        room = await server.room()
        contention = Contention()
        sockets = await asyncio.gather(*(websockets.connect(server.ws_url) for _ in range(CLIENTS + WORKERS)))
        try:
            workers, clients = sockets[:WORKERS], sockets[WORKERS:]
            await register(server, room, workers, role="worker")
            await register(server, room, clients, role="client")
            async with asyncio.TaskGroup() as tasks:
                for number, socket in enumerate(clients):
                    tasks.create_task(contention.client(f"client-{number}", socket))
            free = await ask(clients[0], {"type": "discover_peers", "filters": {"role": "worker"}})
            assert free["count"] == WORKERS
            assert not any("claimed_by" in peer for peer in free["peers"])
        finally:
            await asyncio.gather(*(socket.close() for socket in sockets))
    assert contention.made.total() == CLAIMS
    assert len(contention.used) == WORKERS
    assert min(contention.made.values()) >= CLAIMS / CLIENTS / 2
    assert len(contention.made) == CLIENTS


async def register(server: RunningServer, room: tuple[str, str], sockets: list[ClientConnection], *, role: str) -> None:
    for number, socket in enumerate(sockets):
        fields = server.registration(f"{role}-{number}", room, await server.sign_in(), role=role)
        assert (await ask(socket, fields))["type"] == "registered_auth"

"""`serve --workers`: several processes that are one server on the same ports."""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from redis_server import RedisServer
from server_process import ServerProcess, running_server

from .running import hear
from .test_wire import eventually

WORKERS = 2
PAIRS = 17  # an odd number, so that the two workers never look the same


@pytest.fixture
async def server(redis: RedisServer, tmp_path: Path) -> AsyncIterator[ServerProcess]:
    async with running_server(tmp_path, settings(redis)) as server:
        await eventually(lambda: len(server.events("server.listening")) == WORKERS)
        # More, where the leases of nodes of earlier tests are not over yet.
        await eventually(lambda: len(server.events("cluster.node_found")) >= WORKERS * (WORKERS - 1))
        yield server


def settings(redis: RedisServer) -> dict[str, str]:
    return {
        "HELIOGRAPH_CLUSTER_URL": redis.url,
        "HELIOGRAPH_WORKERS": str(WORKERS),
        "HELIOGRAPH_SIGNIN_LIMIT": "0",
    }


def pids(server: ServerProcess) -> list[int]:
    return [event["pid"] for event in server.events("worker.started")]


async def pair(stack: AsyncExitStack, server: ServerProcess, http: httpx.AsyncClient) -> list[Any]:
    """Two peers who have heard each other in a room of their own."""
    token = (await http.post("/anonymous-signin")).json()["id_token"]
    room = (await http.post("/create-room", headers={"Authorization": f"Bearer {token}"})).json()
    sockets = []
    for name in ("a", "b"):
        socket = await stack.enter_async_context(websockets.connect(server.ws_url))
        register = {"type": "register", "peer_id": name, "room_id": room["room_id"], "token": room["token"]}
        await socket.send(json.dumps(register | {"id_token": token}))
        assert (await hear(socket))["type"] == "registered_auth"
        sockets.append(socket)
    a, b = sockets
    for sender, receiver, target in ((a, b, "b"), (b, a, "a")):
        await sender.send(json.dumps({"type": "offer", "target": target, "sdp": "v=0"}))
        assert (await hear(receiver))["type"] == "offer"
    return sockets


async def loads(server: ServerProcess) -> set[tuple[int, int, int]]:
    """Rooms, peers and connections of each worker; connections for the scrape itself do not count."""
    found: set[tuple[int, int, int]] = set()

    async def look() -> bool:
        async with httpx.AsyncClient(base_url=server.url) as http:
            text = (await http.get("/metrics")).text
        peers = sum(int(float(value)) for value in re.findall(r"^heliograph_peers\{.*\} (\S+)$", text, re.MULTILINE))
        [rooms] = re.findall(r"^heliograph_rooms (\S+)$", text, re.MULTILINE)
        [connections] = re.findall(r"^heliograph_connections (\S+)$", text, re.MULTILINE)
        found.add((int(float(rooms)), peers, int(float(connections))))
        return len(found) == WORKERS

    async with asyncio.timeout(20):
        while not await look():  # noqa: ASYNC110 - which worker answers is up to the kernel
            await asyncio.sleep(0.01)
    return found


async def test_the_peers_of_a_room_are_in_one_process_wherever_they_knock(server: ServerProcess) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http, AsyncExitStack() as stack:
        pairs = 0
        while True:  # with an even spread, this is over after a few
            await pair(stack, server, http)
            pairs += 1
            if pairs < PAIRS:
                continue
            found = await loads(server)
            if all(rooms for rooms, _, _ in found):
                break
        assert sum(rooms for rooms, _, _ in found) == pairs
        for rooms, peers, connections in found:
            assert peers == connections == 2 * rooms


async def test_a_worker_that_dies_is_replaced_and_the_other_goes_on(server: ServerProcess) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http, AsyncExitStack() as stack:
        pairs = [await pair(stack, server, http) for _ in range(PAIRS)]
        os.kill(pids(server)[0], signal.SIGKILL)
        await server.logs("worker.ended", exit_code=-signal.SIGKILL)
        await eventually(lambda: len(server.events("server.listening")) == WORKERS + 1)
        alive = 0
        for a, b in pairs:
            try:
                await a.send(json.dumps({"type": "offer", "target": "b", "sdp": "v=0"}))
                alive += (await hear(b))["type"] == "offer"
            except websockets.ConnectionClosed:
                continue
        assert 0 < alive < PAIRS
    async with httpx.AsyncClient(base_url=server.url) as http, AsyncExitStack() as stack:
        await pair(stack, server, http)


async def test_workers_end_with_their_supervisor(server: ServerProcess) -> None:
    workers = pids(server)
    await server.kill()
    await eventually(lambda: not any(_is_alive(pid) for pid in workers))


async def test_told_to_end_all_end(redis: RedisServer, tmp_path: Path) -> None:
    async with running_server(tmp_path, settings(redis)) as server:
        await eventually(lambda: len(server.events("server.listening")) == WORKERS)
        workers = pids(server)
        assert await server.stop() == 0
        assert not any(_is_alive(pid) for pid in workers)
        assert server.events("worker.killed") == []


async def test_workers_that_can_never_serve_end_the_server(redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "rooms.sqlite3").mkdir()
    server = ServerProcess(tmp_path, settings(redis))
    with pytest.raises(RuntimeError, match=r"can't be opened"):
        await server.start()
    assert len(server.events("workers.given_up")) == 1
    assert server.events("server.listening") == []


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

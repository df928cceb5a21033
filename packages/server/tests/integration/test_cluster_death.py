"""Nodes that are killed: what anyone was told outlives them, and who is gone is noticed."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from redis_server import RedisServer
from server_process import ServerProcess, running_server
from websockets.asyncio.client import ClientConnection

from .running import ask, closed_with, hear
from .test_level2_wire import proof, welcome
from .test_serving import registration, sign_in_and_make_a_room

PATIENCE_S = 20


@pytest.fixture
async def processes(redis: RedisServer, tmp_path: Path) -> AsyncIterator[list[ServerProcess]]:
    """Three nodes, each a process."""
    environ = {"HELIOGRAPH_CLUSTER_URL": redis.url, "HELIOGRAPH_SIGNIN_LIMIT": "0", "HELIOGRAPH_RATE_LIMIT": "10000"}
    async with contextlib.AsyncExitStack() as stack:
        nodes = await asyncio.gather(*(stack.enter_async_context(running_server(tmp_path, environ)) for _ in range(3)))
        names = {(await node_of(node)) for node in nodes}
        for node in nodes:
            for name in names - {await node_of(node)}:
                await node.logs("cluster.node_found", node=name)
        yield nodes


async def node_of(process: ServerProcess) -> str:
    await process.logs("cluster.node")
    name: str = process.events("cluster.node")[-1]["node"]
    return name


async def back(process: ServerProcess, fields: dict[str, Any], before: dict[str, Any], received: int) -> Any:
    """The connection of a peer that has its session back, however long it takes until there is one to have."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            socket = await websockets.connect(process.ws_url)
            reply = await ask(socket, fields | proof(before, received) | {"protocol": 2})
            if reply["type"] == "registered_auth":
                return socket, reply
            assert reply["code"] == "STORE_UNAVAILABLE", reply
            await socket.close()


async def test_what_was_told_outlives_the_home(processes: list[ServerProcess]) -> None:
    home, left, right = processes
    async with httpx.AsyncClient(base_url=home.url) as http:
        id_token, room = await sign_in_and_make_a_room(http)
    fields = {name: registration(name, id_token, room) for name in ("a", "b", "w")}
    worker = {"role": "worker", "metadata": {"tags": ["gpu"], "properties": {"n": 1}}}
    async with (
        websockets.connect(home.ws_url) as a,
        websockets.connect(left.ws_url) as b,
        websockets.connect(right.ws_url) as w,
    ):
        welcomed = {"a": await welcome(a, fields["a"]), "b": await welcome(b, fields["b"])}
        welcomed["w"] = await welcome(w, fields["w"] | worker)
        claimed = await heard(
            b, "peer_joined", "peer_claimed", asking={"type": "claim_peer", "filters": {"tags": ["gpu"]}}
        )
        assert (await heard(w, "claimed"))[-1]["claim_id"] == claimed[-1]["claim_id"]
        for number in range(10):
            message = {"type": "peer_message", "to_peer_id": "w", "payload": number, "ref": number}
            assert (await ask(b, message))["status"] == "delivered"
        await home.kill()
        assert await closed_with(b) == await closed_with(w) == 1012
    received = 1  # `claimed`; of the ten messages that the worker was sent, it says that it has had four
    w, reply = await back(left, fields["w"], welcomed["w"], received + 4)
    async with w:
        assert reply["session"]["resumed"]
        assert [(await hear(w))["payload"] for _ in range(6)] == [4, 5, 6, 7, 8, 9]
        states = {peer["peer_id"]: peer["state"] for peer in reply["peers"]}
        assert states == {"a": "away", "b": "away"}
        b, reply = await back(right, fields["b"], welcomed["b"], 12)
        async with b:
            assert reply["session"]["resumed"]
            [seen] = [peer for peer in reply["peers"] if peer["peer_id"] == "w"]
            assert (seen["claimed_by"], seen["metadata"]["tags"], seen["state"]) == (["b"], ["gpu"], "online")
            assert (await hear(w))["peer"]["peer_id"] == "b"
            back_again = await hear(b)
            assert (back_again["type"], back_again["peer"]["peer_id"]) == ("peer_back", "w")
            refused = await ask(b, {"type": "claim_peer", "filters": {"role": "worker"}})
            assert refused["code"] == "NO_PEER_AVAILABLE"
            await b.send(json.dumps({"type": "release_claim", "claim_id": claimed[-1]["claim_id"]}))
            assert (await hear(b))["type"] == (await hear(w))["type"] == "claim_released"
            a, reply = await back(right, fields["a"], welcomed["a"], 2)
            async with a:
                assert reply["session"]["resumed"]


async def test_the_peers_of_a_dead_node_become_away(redis: RedisServer, processes: list[ServerProcess]) -> None:
    home, left, _ = processes
    async with httpx.AsyncClient(base_url=home.url) as http:
        id_token, room = await sign_in_and_make_a_room(http)
    async with websockets.connect(home.ws_url) as a, websockets.connect(left.ws_url) as b:
        await welcome(a, registration("a", id_token, room))
        await welcome(b, registration("b", id_token, room))
        assert (await hear(a))["type"] == "peer_joined"
        await left.kill()
        gone = await hear(a)
        assert (gone["type"], gone["peer"]["peer_id"]) == ("peer_away", "b")


async def heard(socket: ClientConnection, *types: str, asking: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The next messages, which are of these types, in this order."""
    if asking is not None:
        await socket.send(json.dumps(asking))
    messages = [await hear(socket) for _ in types]
    assert [message["type"] for message in messages] == list(types)
    return messages

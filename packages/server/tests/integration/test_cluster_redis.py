"""The kinds of Redis that there are: shards, and a primary that is replaced when it dies."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from redis_server import running_replicas, running_shards

from .cluster_nodes import cluster, eventually, knows, running_nodes
from .running import RunningServer, ask, closed_with, hear
from .test_level2_wire import proof, welcome

FAILOVER_S = 40
"""The Sentinels have to notice and to agree first."""


@pytest.fixture(scope="module")
async def sharded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[RunningServer]]:
    """Three nodes on three shards."""
    folder = tmp_path_factory.mktemp("sharded")
    async with (
        running_shards(folder / "redis") as (url, _),
        running_nodes(folder / "nodes", url, rate_limit=100_000) as nodes,
    ):
        yield nodes


async def test_rooms_and_nodes_are_spread_over_shards_and_peers_do_not_notice(sharded: list[RunningServer]) -> None:
    user = await sharded[0].sign_in()
    for turn in range(9):
        home, door = sharded[turn % 3], sharded[(turn + 1) % 3]
        room = await home.room(user)
        async with home.peer("a", room, user, protocol=2) as a, door.peer("b", room, user, protocol=2) as b:
            assert (await hear(a))["type"] == "peer_joined"
            ack = await ask(b, {"type": "offer", "target": "a", "sdp": str(turn), "ref": turn})
            assert ack["status"] == "delivered"
            assert (await hear(a))["sdp"] == str(turn)
            await a.send(json.dumps({"type": "answer", "target": "b", "sdp": "yes"}))
            assert (await hear(b))["sdp"] == "yes"
    here = cluster(home).homes.here
    assert here
    for room_id, its_home in here.items():
        assert await cluster(door).registry.home(room_id) == its_home


async def test_a_replica_takes_over_and_rooms_go_on(tmp_path: Path) -> None:
    async with (
        running_replicas(tmp_path / "redis") as (url, primary, _),
        running_nodes(tmp_path, url, count=2, rate_limit=100_000) as nodes,
    ):
        home, door = nodes
        room, user = await home.room(), await home.sign_in()
        fields = door.registration("b", room, user)
        async with home.peer("a", room, protocol=2) as a, websockets.connect(door.ws_url) as b:
            before = await welcome(b, fields)
            assert (await hear(a))["type"] == "peer_joined"
            primary.kill()
            assert await closed_with(b) == 1012
            assert (await hear(a))["type"] == "peer_away"
            await eventually(lambda: not cluster(home).joined)
            async with asyncio.timeout(FAILOVER_S):
                while not all(knows(node, 2) for node in nodes):  # noqa: ASYNC110 - it is about other processes
                    await asyncio.sleep(0.05)
            async with websockets.connect(door.ws_url) as again:
                after = await welcome(again, fields | proof(before, 0))
                assert after["session"]["resumed"]
                assert (await hear(a))["type"] == "peer_back"

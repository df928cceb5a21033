"""What a home says, and what is in the log: after an outage, and where one peer goes while another comes."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import websockets
from cutting_proxy import CuttingProxy, cutting_proxy
from redis_server import HOST, PASSWORD, RedisServer, running_redis

from .cluster_nodes import cluster, eventually, knows
from .running import RunningServer, ask, closed_with, hear, running
from .test_level2_wire import proof, welcome


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A Redis that a test may break."""
    async with running_redis(tmp_path / "redis") as server:
        yield server


@asynccontextmanager
async def home_and_other(
    bus: RedisServer, data_dir: Path
) -> AsyncIterator[tuple[CuttingProxy, RunningServer, RunningServer]]:
    """Two nodes, and what stands between the first one and the bus."""
    async with AsyncExitStack() as stack:
        way = await stack.enter_async_context(cutting_proxy(bus.port, random.Random(0)))
        url = f"redis://:{PASSWORD}@{HOST}:{way.port}"
        home = await stack.enter_async_context(running(data_dir, cluster_url=url, rate_limit=100_000))
        other = await stack.enter_async_context(running(data_dir, cluster_url=bus.url, rate_limit=100_000))
        await eventually(lambda: knows(home, 2) and knows(other, 2))
        yield way, home, other


async def test_a_bus_that_has_forgotten_everything_is_told_by_all_nodes_before_anyone_takes_their_rooms(
    bus: RedisServer, tmp_path: Path
) -> None:
    async with home_and_other(bus, tmp_path) as (way, home, other), home.peer("s", room := await home.room()) as sender:
        fields = home.registration("r", room, await home.sign_in())
        async with websockets.connect(other.ws_url) as first:
            before = await welcome(first, fields)
            way.refusing = True
            await bus.restart()
            assert await closed_with(first) == 1012
        await eventually(lambda: knows(other, 1))
        async with websockets.connect(other.ws_url) as early:
            refused = await ask(early, fields | proof(before, 0) | {"protocol": 2})
            assert (refused["type"], refused["code"]) == ("error", "STORE_UNAVAILABLE")
        way.refusing = False
        await eventually(lambda: knows(home, 2) and knows(other, 2))
        await sender.send('{"type":"peer_message","to_peer_id":"r","payload":1}')
        assert (await ask(sender, {"type": "ping"}))["type"] == "pong"
        async with websockets.connect(other.ws_url) as again:
            after = await welcome(again, fields | proof(before, 0))
            assert after["session"]["resumed"]
            assert (await hear(again))["payload"] == 1


async def test_a_sender_is_told_what_its_home_could_not_hand_on(bus: RedisServer, tmp_path: Path) -> None:
    async with home_and_other(bus, tmp_path) as (way, home, other):
        room, user = await home.room(), await home.sign_in()
        message = {"type": "peer_message", "to_peer_id": "r", "payload": 1}
        fields = home.registration("r", room, user)
        async with home.peer("s", room, user, protocol=2) as sender:
            async with websockets.connect(other.ws_url) as receiver:
                before = await welcome(receiver, fields)
                assert (await hear(sender))["type"] == "peer_joined"
                way.hang()
                assert (await ask(sender, message | {"ref": 1})) == {"type": "ack", "ref": 1, "status": "delivered"}
                doubted = await hear(sender)
                assert (doubted["type"], doubted["code"], doubted["ref"]) == ("error", "STORE_UNAVAILABLE", 1)
                assert (await hear(sender))["type"] == "peer_away"
                refused = await ask(sender, message | {"ref": 2})
                assert (refused["type"], refused["code"], refused["ref"]) == ("error", "STORE_UNAVAILABLE", 2)
                assert await closed_with(receiver) == 1012
            way.go_on()
            await eventually(lambda: knows(home, 2) and knows(other, 2))
            assert (await ask(sender, message | {"ref": 3})) == {"type": "ack", "ref": 3, "status": "buffered"}
            async with websockets.connect(other.ws_url) as again:
                after = await welcome(again, fields | proof(before, 0))
                assert after["session"]["resumed"]
                assert [(await hear(again))["ref"] for _ in range(2)] == [1, 3]


async def test_those_at_the_same_node_are_not_concerned(bus: RedisServer, tmp_path: Path) -> None:
    async with home_and_other(bus, tmp_path) as (way, home, _):
        room, user = await home.room(), await home.sign_in()
        async with home.peer("s", room, user, protocol=2) as sender, home.peer("r", room, user, protocol=2) as receiver:
            assert (await hear(sender))["type"] == "peer_joined"
            way.hang()
            for number in (1, 2):
                message = {"type": "peer_message", "to_peer_id": "r", "payload": number, "ref": number}
                assert (await ask(sender, message))["type"] == "ack"
                assert (await hear(receiver))["payload"] == number
            assert (await ask(sender, {"type": "ping"}))["type"] == "pong"


async def test_whoever_left_while_another_came_is_not_kept(bus: RedisServer, tmp_path: Path) -> None:
    async with running(tmp_path, cluster_url=bus.url) as node:
        await eventually(lambda: knows(node, 1))
        room, user = await node.room(), await node.sign_in()
        homes, registry = cluster(node).homes, cluster(node).registry
        async with node.peer("a", room, user, protocol=2) as first, homes.hold(room[0]):  # as one who registers does
            await first.send(json.dumps({"type": "leave"}))
            assert await closed_with(first) == 1000
            await eventually(lambda: not node.application.hub.occupied(room[0]))
            async with node.peer("b", room, user, protocol=2) as second:
                assert (await ask(second, {"type": "ping"}))["type"] == "pong"
                kept = await registry.take(room[0], "nobody", homes.here[room[0]])
        assert [name for name in kept.fields if name.startswith(b"m:")] == [b"m:b"]


async def test_a_room_that_could_not_be_let_go_is_let_go_later(bus: RedisServer, tmp_path: Path) -> None:
    async with home_and_other(bus, tmp_path) as (way, home, other):
        room, user = await home.room(), await home.sign_in()
        async with home.peer("a", room, user, protocol=2) as peer:
            way.refusing = True
            way.cut()
            await eventually(lambda: not cluster(home).joined)
            await peer.send(json.dumps({"type": "leave"}))
            assert await closed_with(peer) == 1000
        await eventually(lambda: not cluster(home).homes.here)
        assert await cluster(other).registry.home(room[0]) is not None
        way.refusing = False
        async with asyncio.timeout(10):
            while await cluster(other).registry.home(room[0]) is not None:  # noqa: ASYNC110 - it announces nothing
                await asyncio.sleep(0.01)

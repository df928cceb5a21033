"""The bus hangs, dies and comes back, or a node is cut off from it: nobody is left in a room that is two rooms."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from cutting_proxy import cutting_proxy
from redis_server import HOST, PASSWORD, RedisServer, running_redis

from .cluster_nodes import cluster, eventually, knows, ready, running_nodes
from .running import RunningServer, ask, closed_with, hear, running
from .test_level2_wire import proof, welcome


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A Redis that a test may break."""
    async with running_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def pair(bus: RedisServer, tmp_path: Path) -> AsyncIterator[list[RunningServer]]:
    """Two nodes."""
    async with running_nodes(tmp_path, bus.url, count=2, rate_limit=100_000) as nodes:
        yield nodes


async def test_a_room_on_one_node_goes_on_while_the_bus_is_away(bus: RedisServer, pair: list[RunningServer]) -> None:
    home, _ = pair
    room, user = await home.room(), await home.sign_in()
    fields = home.registration("b", room, user)
    async with home.peer("a", room, protocol=2) as a, websockets.connect(home.ws_url) as b:
        before = await welcome(b, fields)
        assert (await hear(a))["type"] == "peer_joined"
        bus.kill()
        await eventually(lambda: not cluster(home).joined)
        ack = await ask(a, {"type": "peer_message", "to_peer_id": "b", "payload": 1, "ref": 1})
        assert ack["status"] == "delivered"
        assert (await hear(b))["payload"] == 1
        b.transport.abort()
        assert (await hear(a))["type"] == "peer_away"
        await a.send('{"type":"peer_message","to_peer_id":"b","payload":2}')
        async with websockets.connect(home.ws_url) as again:
            after = await welcome(again, fields | proof(before, 1))
            assert after["session"]["resumed"]
            assert (await hear(again))["payload"] == 2
            assert await ready(pair) == [503, 503]


async def test_what_happened_during_an_outage_is_written_down_after_it(
    bus: RedisServer, pair: list[RunningServer]
) -> None:
    home, other = pair
    room, user = await home.room(), await home.sign_in()
    fields = home.registration("a", room, user)
    async with websockets.connect(home.ws_url) as a:
        await welcome(a, fields)
        bus.kill()
        await eventually(lambda: not cluster(home).joined)
        updated = await ask(a, {"type": "update_metadata", "metadata": {"tags": ["told during the outage"]}})
        assert updated["type"] == "metadata_updated"
        await bus.start()
        await eventually(lambda: knows(home, 2) and knows(other, 2))
        fresh = await other.sign_in()
        async with other.peer("b", room, fresh, protocol=2) as b:
            found = await ask(b, {"type": "discover_peers"})
            assert found["peers"][0]["metadata"]["tags"] == ["told during the outage"]
        kept = await cluster(home).registry.take(room[0], "nobody", None)
        assert kept.home.node == cluster(home).name


async def test_those_at_a_door_are_sent_away_when_the_bus_is_lost_and_nothing_of_theirs_is_dropped_silently(
    bus: RedisServer, pair: list[RunningServer]
) -> None:
    home, door = pair
    room, user = await home.room(), await home.sign_in()
    fields = door.registration("new", room, user)
    async with (
        home.peer("a", room, protocol=2) as a,
        websockets.connect(door.ws_url) as new,
        door.peer("old", room) as old,
    ):
        before = await welcome(new, fields)
        for _ in range(2):
            assert (await hear(a))["type"] == "peer_joined"
        bus.pause()
        await old.send('{"type":"peer_message","to_peer_id":"a","payload":"lost"}')
        refused = await hear(old)
        assert (refused["type"], refused["code"]) == ("error", "STORE_UNAVAILABLE")
        assert await closed_with(old) == await closed_with(new) == 1012
        news = [(message["type"], message["peer"]["peer_id"]) for message in (await hear(a), await hear(a))]
        assert sorted(news) == [("peer_away", "new"), ("peer_left", "old")]
        async with websockets.connect(door.ws_url) as early:
            refused = await ask(early, fields | proof(before, 1) | {"protocol": 2})
            assert refused["code"] == "STORE_UNAVAILABLE"
        bus.go_on()
        await eventually(lambda: knows(home, 2) and knows(door, 2))
        async with websockets.connect(door.ws_url) as back:
            after = await welcome(back, fields | proof(before, 1))
            assert after["session"]["resumed"]
            assert (await hear(a))["type"] == "peer_back"


async def test_a_node_that_was_cut_off_learns_that_others_have_its_rooms(bus: RedisServer, tmp_path: Path) -> None:
    async with (
        cutting_proxy(bus.port, random.Random(0)) as proxy,
        running(tmp_path, cluster_url=f"redis://:{PASSWORD}@{HOST}:{proxy.port}") as cut_off,
        running(tmp_path, cluster_url=bus.url) as other,
    ):
        await eventually(lambda: knows(cut_off, 2) and knows(other, 2))
        room, user = await other.room(), await other.sign_in()
        fields = other.registration("a", room, user)
        async with websockets.connect(cut_off.ws_url) as stale:
            before = await welcome(stale, fields)
            proxy.refusing = True
            proxy.cut()
            await eventually(lambda: not cluster(cut_off).joined and knows(other, 1))
            async with websockets.connect(other.ws_url) as fresh:
                after = await welcome(fresh, fields | proof(before, 0))
                assert after["session"]["resumed"]
                assert (await ask(stale, {"type": "ping"}))["type"] == "pong"
                proxy.refusing = False
                assert await closed_with(stale) == 1012
                assert (await ask(fresh, {"type": "ping"}))["type"] == "pong"
                await eventually(lambda: not cluster(cut_off).homes.here)
                assert (await ask(fresh, {"type": "query"}))["peers"] == ["a"]

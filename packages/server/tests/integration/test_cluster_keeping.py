"""A room of peers of level 1, which never writes anything down, keeps its home for as long as they stay."""

import asyncio
from pathlib import Path

import pytest
from redis_server import RedisServer, running_redis

from heliograph_server.cluster import keeping
from heliograph_server.cluster.redis_bus import KEPT_S

from .cluster_nodes import cluster, eventually, running_nodes
from .running import RunningServer, ask, closed_with

SHORT_MS = 60_000


def keys(room_id: str) -> list[str]:
    tag = room_id.encode().hex()
    return [f"hg:{{{tag}}}:{name}" for name in ("home", "log")]


async def remaining_ms(redis: RedisServer, key: str) -> int:
    """How long a key has still to live, -2 if there is none."""
    return int((await redis.say("PTTL", key)).splitlines()[1].removeprefix(":"))


async def about_to_end(redis: RedisServer, key: str) -> None:
    """As if hours had passed since the last commit."""
    assert ":1" in await redis.say("PEXPIRE", key, str(SHORT_MS))
    assert 0 < await remaining_ms(redis, key) <= SHORT_MS


async def test_a_room_of_level_1_keeps_its_home(nodes: list[RunningServer], redis: RedisServer) -> None:
    home, door, _ = nodes
    room = await home.room()
    [key, log] = keys(room[0])
    async with home.peer("a", room) as a, door.peer("b", room):
        await about_to_end(redis, key)
        assert (await ask(a, {"type": "query"}))["peers"] == ["a", "b"]
        assert await remaining_ms(redis, key) <= SHORT_MS  # nothing that they do is written down
        await cluster(home).keeper.keep()
        assert SHORT_MS < await remaining_ms(redis, key) <= KEPT_S * 1000
        assert await remaining_ms(redis, log) == -2
        assert await cluster(door).registry.home(room[0]) == cluster(home).homes.here[room[0]]


async def test_what_is_kept_of_a_quiet_room_stays_too(nodes: list[RunningServer], redis: RedisServer) -> None:
    home = nodes[0]
    room = await home.room()
    async with home.peer("a", room, protocol=2) as a:
        assert (await ask(a, {"type": "ping"}))["type"] == "pong"
        for key in keys(room[0]):
            await about_to_end(redis, key)
        await cluster(home).keeper.keep()
        for key in keys(room[0]):
            assert await remaining_ms(redis, key) > SHORT_MS


async def test_many_rooms_are_kept_in_turns_and_one_that_is_lost_is_given_up(
    nodes: list[RunningServer], redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "AT_ONCE", 2)
    home = nodes[0]
    rooms = [await home.room() for _ in range(5)]
    async with asyncio.timeout(30):
        sockets = []
        for room in rooms:
            entered = home.peer("a", room)
            sockets.append((entered, await entered.__aenter__()))
        for room in rooms:
            await about_to_end(redis, keys(room[0])[0])
        assert "+OK" in await redis.say("SET", keys(rooms[2][0])[0], '"another 1"', "PX", str(SHORT_MS))
        await cluster(home).keeper.keep()
        for number, room in enumerate(rooms):
            assert (await remaining_ms(redis, keys(room[0])[0]) > SHORT_MS) == (number != 2)
        assert await closed_with(sockets[2][1]) == 1012
        assert rooms[2][0] not in cluster(home).homes.here
        for entered, _ in sockets:
            await entered.__aexit__(None, None, None)


async def test_it_is_done_from_time_to_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "KEEP_S", 0.05)
    async with (
        running_redis(tmp_path / "redis") as redis,
        running_nodes(tmp_path, redis.url, count=1) as [home],
    ):
        room = await home.room()
        [key, _] = keys(room[0])
        async with home.peer("a", room):
            assert ":1" in await redis.say("PEXPIRE", key, str(SHORT_MS))
            async with asyncio.timeout(20):
                while await remaining_ms(redis, key) <= SHORT_MS:  # noqa: ASYNC110 - it is in another process
                    await asyncio.sleep(0.01)
        await eventually(lambda: room[0] not in cluster(home).homes.here)

"""The contract of registries, over both: one in memory, and a real Redis."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from memory_registry import MemoryRegistry
from redis.asyncio import Redis
from redis_server import running_redis

from heliograph_server.cluster.bus import Changes, Home, Registry, Tokens
from heliograph_server.cluster.bus_url import read_bus_url
from heliograph_server.cluster.connecting import ROOMS_AT_ONCE
from heliograph_server.cluster.redis_bus import RedisBus

_rooms = count()


class Nobody:
    """A node that only speaks with the registry."""

    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.batches: asyncio.Queue[bytes] = asyncio.Queue()
        self.unheard_nodes: asyncio.Queue[str] = asyncio.Queue()

    def received(self, batch: bytes) -> None:
        self.batches.put_nowait(batch)

    def unheard(self, node: str) -> None:
        self.unheard_nodes.put_nowait(node)

    def bus_lost(self) -> None:
        self.up.clear()

    def bus_back(self) -> None:
        self.up.set()


@asynccontextmanager
async def on_the_bus(url: str, node: str, ca: Path | None = None) -> AsyncIterator[tuple[RedisBus, Nobody]]:
    bus, listener = RedisBus(read_bus_url(url, ca)), Nobody()
    running = asyncio.create_task(bus.run(node, listener))
    try:
        async with asyncio.timeout(20):
            await listener.up.wait()
        yield bus, listener
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(params=["memory", "redis"])
async def registry(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> AsyncIterator[Registry]:
    if request.param == "memory":
        yield MemoryRegistry(time.time)
    else:
        async with on_the_bus(url, f"n{next(_rooms)}") as (bus, _):
            yield bus


@pytest.fixture
def room() -> str:
    return f"room{next(_rooms)}"


async def test_a_room_is_the_first_ones_who_takes_it(registry: Registry, room: str) -> None:
    assert await registry.home(room) is None
    first = await registry.take(room, "a", None)
    assert (first.won, first.home.node, dict(first.fields)) == (True, "a", {})
    second = await registry.take(room, "b", None)
    assert (second.won, second.home) == (False, first.home)
    assert await registry.home(room) == first.home


async def test_a_takeover_replaces_exactly_the_home_that_was_seen_and_has_a_higher_epoch(
    registry: Registry, room: str
) -> None:
    first = (await registry.take(room, "a", None)).home
    assert await registry.commit(room, first, Changes([(b"x", b"1"), (b"y", b"2")]))
    second = await registry.take(room, "b", first)
    assert second.won
    assert second.home.epoch > first.epoch
    assert dict(second.fields) == {b"x": b"1", b"y": b"2"}
    assert not (await registry.take(room, "c", first)).won


async def test_a_commit_is_all_or_nothing_and_only_of_the_home(registry: Registry, room: str) -> None:
    first = (await registry.take(room, "a", None)).home
    assert await registry.commit(room, first, Changes([(b"x", b"1"), (b"y", b"2")]))
    assert await registry.commit(room, first, Changes([(b"z", b"\x00\xff")], [b"x", b"missing"]))
    second = await registry.take(room, "b", first)
    assert dict(second.fields) == {b"y": b"2", b"z": b"\x00\xff"}
    assert not await registry.commit(room, first, Changes([(b"late", b"")], [b"y"]))
    assert dict((await registry.take(room, "c", second.home)).fields) == {b"y": b"2", b"z": b"\x00\xff"}


async def test_a_large_commit_is_one(registry: Registry, room: str) -> None:
    home = (await registry.take(room, "a", None)).home
    fields = [(f"f{number}".encode(), b"x" * 100) for number in range(5000)]
    assert await registry.commit(room, home, Changes(fields))
    assert await registry.commit(room, home, Changes([], [name for name, _ in fields[:4000]]))
    assert dict((await registry.take(room, "b", home)).fields) == dict(fields[4000:])


async def test_commits_of_many_rooms_at_once_are_each_of_its_own(registry: Registry, room: str) -> None:
    rooms = [f"{room}-{number}" for number in range(2 * ROOMS_AT_ONCE + 3)]
    homes = [(await registry.take(name, "a", None)).home for name in rooms]
    for name, home in zip(rooms, homes, strict=True):
        assert await registry.commit(name, home, Changes([(b"old", b""), (b"kept", name.encode())]))
    taken = rooms[1::7]
    for name in taken:
        assert (await registry.take(name, "b", homes[rooms.index(name)])).won
    changes = [
        Changes([(b"new", b"x" * number)] * (number % 3), [b"old"] * (number % 2)) for number in range(len(rooms))
    ]
    done = [registry.commit(*each) for each in zip(rooms, homes, changes, strict=True)]
    assert await asyncio.gather(*done) == [name not in taken for name in rooms]
    for number, name in enumerate(rooms):
        expected = {b"old": b"", b"kept": name.encode()}
        if name not in taken:
            expected |= dict(changes[number].written)
            for field in changes[number].removed:
                del expected[field]
        assert dict((await registry.take(name, "c", await registry.home(name))).fields) == expected, name


async def test_commits_next_to_each_other_are_one_command_and_keep_their_place_among_others(
    url: str, room: str
) -> None:
    async with on_the_bus(url, "n") as (bus, _), Redis.from_url(url) as redis:
        rooms = [f"{room}-{number}" for number in range(10)]
        homes = [(await bus.take(name, "n", None)).home for name in rooms]
        before = await _calls_of(redis, "evalsha")
        commits = [bus.commit(name, home, Changes([(b"x", b"1")])) for name, home in zip(rooms, homes, strict=True)]
        releases = [
            asyncio.create_task(bus.release(name, home, forget=True)) for name, home in zip(rooms, homes, strict=True)
        ]
        await asyncio.sleep(0)  # the releases are asked for now, before anything is sent
        late = bus.commit(rooms[0], homes[0], Changes([(b"late", b"")]))
        assert await asyncio.gather(*commits) == [True] * len(rooms)
        await asyncio.gather(*releases)
        assert not await late
        assert await _calls_of(redis, "evalsha") - before == 1 + len(rooms) + 1


async def _calls_of(redis: Any, command: str) -> int:
    found = (await redis.info("commandstats")).get(f"cmdstat_{command}", {"calls": 0})
    return int(found["calls"])


async def test_a_home_is_reclaimed_as_a_whole_unless_another_has_the_room(registry: Registry, room: str) -> None:
    home = (await registry.take(room, "a", None)).home
    assert await registry.commit(room, home, Changes([(b"old", b"1")]))
    assert not await registry.reclaim(room, home, {b"of no later epoch": b""})
    later = home.later()
    assert await registry.reclaim(room, later, {b"new": b"2"})
    taken = await registry.take(room, "b", later)
    assert dict(taken.fields) == {b"new": b"2"}
    assert not await registry.reclaim(room, later.later(), {b"stale": b""})
    assert dict((await registry.take(room, "c", taken.home)).fields) == {b"new": b"2"}


async def test_a_home_is_reclaimed_where_nothing_is_known_of_it(registry: Registry, room: str) -> None:
    home = Home("a", 7)
    assert await registry.reclaim(room, home, {b"x": b"1"})
    assert await registry.home(room) == home


async def test_what_was_on_its_way_when_a_home_was_reclaimed_has_no_effect(registry: Registry, room: str) -> None:
    home = (await registry.take(room, "a", None)).home
    assert await registry.reclaim(room, newest := home.later().later(), {b"x": b"new"})
    assert not await registry.commit(room, home, Changes([(b"x", b"old")]))
    assert not await registry.reclaim(room, home.later(), {b"x": b"old"})
    await registry.release(room, home, forget=True)
    assert dict((await registry.take(room, "b", newest)).fields) == {b"x": b"new"}


@pytest.mark.parametrize("forget", [True, False])
async def test_a_room_is_let_go_with_or_without_what_is_kept(registry: Registry, room: str, forget: bool) -> None:
    home = (await registry.take(room, "a", None)).home
    assert await registry.commit(room, home, Changes([(b"x", b"1")]))
    await registry.release(room, Home("b", home.epoch), forget=True)
    assert await registry.home(room) == home
    await registry.release(room, home, forget=forget)
    assert await registry.home(room) is None
    assert not await registry.commit(room, home, Changes([(b"y", b"")]))
    assert dict((await registry.take(room, "b", None)).fields) == ({} if forget else {b"x": b"1"})


async def test_leases_end(registry: Registry) -> None:
    names = [f"lease{next(_rooms)}" for _ in range(3)]
    for name, lease_s in zip(names, (60, 0.05, 60), strict=True):
        await registry.renew(name, lease_s)
    await asyncio.sleep(0.06)
    lease = await registry.renew(names[0], 60)
    assert not lease.lost
    assert lease.nodes & set(names) == {names[0], names[2]}
    await registry.retire(names[2])
    assert names[2] not in (await registry.renew(names[0], 60)).nodes
    assert (await registry.renew(names[1], 60)).lost


async def test_nodes_say_what_they_are(registry: Registry, room: str) -> None:
    await registry.introduce(f"one {room}", b"first")
    await registry.introduce(f"one {room}", b"\x00\xff")
    assert await registry.introductions([f"one {room}", f"two {room}"]) == [b"\x00\xff", None]
    assert await registry.introductions([]) == []


async def test_tokens_are_shared(registry: Tokens, room: str) -> None:
    assert [await registry.spend(room, 0.001, 2) for _ in range(2)] == [0, 0]
    assert 900 < await registry.spend(room, 0.001, 2) <= 1000
    assert await registry.spend(f"another {room}", 0.001, 2) == 0


async def test_what_is_published_arrives_once_and_in_order(url: str) -> None:
    async with on_the_bus(url, "one") as (one, _), on_the_bus(url, "two") as (_, two):
        batches = [f"{number}".encode() for number in range(500)]
        for batch in batches:
            one.publish("two", batch)
        async with asyncio.timeout(10):
            assert [await two.batches.get() for _ in batches] == batches


async def test_a_node_that_nobody_is_is_noticed(url: str) -> None:
    async with on_the_bus(url, "alone") as (bus, listener):
        bus.publish("nobody", b"x")
        async with asyncio.timeout(10):
            assert await listener.unheard_nodes.get() == "nobody"


async def test_a_server_that_has_forgotten_the_scripts_is_told_them_again(tmp_path: Path) -> None:
    async with running_redis(tmp_path) as server, on_the_bus(server.url, "a") as (bus, _):
        homes = {room: (await bus.take(room, "a", None)).home for room in ("r", "s")}
        assert "+OK" in await server.say("SCRIPT", "FLUSH")
        assert not (await bus.take("r", "b", None)).won
        assert "+OK" in await server.say("SCRIPT", "FLUSH")
        commits = [bus.commit(room, home, Changes([(b"x", b"")])) for room, home in homes.items()]
        assert await asyncio.gather(*commits) == [True, True]

"""What `check-config` says of a cluster: with real servers, and of what servers say of themselves."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from memory_registry import MemoryRegistry
from redis_server import HOST, PASSWORD, RedisServer, free_port, running_redis, running_shards
from structlog.testing import capture_logs

from heliograph_server.cluster import fitness
from heliograph_server.cluster.bus import INTRODUCE_S
from heliograph_server.cluster.fitness import cluster_notes, cluster_problems, server_problems
from heliograph_server.cluster.likeness import Introductions, likeness
from heliograph_server.identity.signing import SigningKey
from heliograph_server.rooms.sqlite import SqliteRoomStore
from heliograph_server.settings import Settings

from .test_registry import on_the_bus

TIMEOUT_S = 30

OTHER_KEY = "Another node of the cluster signs with another key"
OTHER_ROOMS = "Another node of the cluster keeps its rooms elsewhere"
OTHER_ISSUERS = "Another node of the cluster trusts other issuers"
EVICTION = "The bus drops rooms when its memory is full (maxmemory-policy volatile-lru): set its maxmemory-policy"


@pytest.fixture(scope="module")
async def redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    async with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


def settings(redis: RedisServer, data_dir: Path, **more: Any) -> Settings:
    return Settings(cluster_url=redis.url, data_dir=data_dir, **more)


@asynccontextmanager
async def a_node(chosen: Settings, name: str = "there") -> AsyncIterator[None]:
    """A living node with these settings, as far as others learn of it."""
    async with on_the_bus(chosen.cluster_url, name) as (bus, _):
        key = SigningKey.load(chosen.data_dir, chosen.signing_key)
        store = SqliteRoomStore(chosen.data_dir)
        await store.open()
        await store.close()
        lease = await bus.renew(name, 60)
        await Introductions(name, bus, lambda: likeness(chosen, key.kid), lambda: 1.0).renew(lease.nodes)
        yield
        await bus.retire(name)


async def starts(chosen: Settings, *beginnings: str) -> None:
    """Whether exactly these problems are found."""
    found = await cluster_problems(chosen)
    assert [line[: len(beginning)] for line, beginning in zip(found, beginnings, strict=False)] == list(beginnings)
    assert len(found) == len(beginnings), found
    assert all(line.endswith(".") and PASSWORD not in line for line in found)


async def test_nothing_is_asked_of_a_node_that_is_alone(tmp_path: Path) -> None:
    assert await cluster_problems(Settings(data_dir=tmp_path, rooms="memory")) == []
    assert cluster_notes(Settings(data_dir=tmp_path)) == []


async def test_a_bus_as_it_should_be_has_no_problems(redis: RedisServer, tmp_path: Path) -> None:
    await starts(settings(redis, tmp_path))
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - it is a test


async def test_rooms_in_memory_fit_no_cluster(redis: RedisServer, tmp_path: Path) -> None:
    await starts(settings(redis, tmp_path, rooms="memory"), "Rooms in memory are known to one node alone: set ")


async def test_a_node_with_the_same_directory_fits_and_one_with_another_does_not(
    redis: RedisServer, tmp_path: Path
) -> None:
    async with a_node(settings(redis, tmp_path / "one")):
        await starts(settings(redis, tmp_path / "one"))
        await starts(settings(redis, tmp_path / "new"), OTHER_KEY, OTHER_ROOMS)
        async with a_node(settings(redis, tmp_path / "two"), "third"):
            await starts(settings(redis, tmp_path / "one"), OTHER_KEY, OTHER_ROOMS)
    await starts(settings(redis, tmp_path / "new"))


async def test_what_differs_is_told_apart(redis: RedisServer, tmp_path: Path) -> None:
    key = SigningKey.load(tmp_path / "key")
    assert key.kid
    pem = (tmp_path / "key" / "identity-key.pem").read_text()
    async with a_node(settings(redis, tmp_path / "one", signing_key=pem)):
        await starts(settings(redis, tmp_path / "two", signing_key=pem), OTHER_ROOMS)
        await starts(settings(redis, tmp_path / "two", signing_key=pem, rooms="dynamodb"), OTHER_ROOMS)
        trusting: dict[str, Any] = {
            "identity": ("oidc",),
            "oidc_issuer": ("https://a",),
            "oidc_audience": ("a",),
        }
        await starts(settings(redis, tmp_path / "one", signing_key=pem, **trusting), OTHER_ISSUERS)


async def test_a_node_of_another_version_is_named(redis: RedisServer, tmp_path: Path) -> None:
    async with on_the_bus(redis.url, "future") as (bus, _):
        await bus.renew("future", 60)
        await bus.introduce("future", b'{"key":["of","another","kind"]}')
        await starts(settings(redis, tmp_path), "Another node of the cluster can't be understood")
        await bus.retire("future")


async def test_a_running_node_says_once_what_does_not_fit(tmp_path: Path) -> None:
    now, registry = [0.0], MemoryRegistry(lambda: now[0])
    one = likeness(Settings(data_dir=tmp_path, rooms="dynamodb"), "key")
    two = likeness(Settings(data_dir=tmp_path, rooms="dynamodb", rooms_table="others"), "other key")
    first, second = (
        Introductions(name, registry, partial(lambda mine: mine, mine), lambda: now[0])
        for name, mine in (("one", one), ("two", two))
    )
    both = frozenset({"one", "two"})
    with capture_logs() as logs:
        await first.renew(both)
        assert logs == []  # the other one has not said anything yet
        await second.renew(both)
        await first.renew(both)
        assert [(log["event"], log["node"], log["problem"].partition(",")[0]) for log in logs] == [
            ("cluster.misfit", node, problem) for node in ("one", "two") for problem in (OTHER_KEY, OTHER_ROOMS)
        ]
        now[0] += INTRODUCE_S
        await first.renew(both)
        assert len(logs) == 4
        first.forget()
        await first.renew(both)
        assert len(logs) == 6
    assert [json.loads(words or b"")["key"] for words in await registry.introductions(["one", "two"])] == [
        "key",
        "other key",
    ]


async def test_a_bus_that_drops_what_it_has_is_named(tmp_path: Path) -> None:
    async with running_redis(tmp_path / "redis", "--maxmemory-policy", "volatile-lru") as server:
        await starts(settings(server, tmp_path))
        assert "+OK" in await server.say("CONFIG", "SET", "maxmemory", "100mb")
        await starts(settings(server, tmp_path), EVICTION)
        assert "+OK" in await server.say("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await starts(settings(server, tmp_path))


async def test_shards_are_looked_at_one_by_one_and_want_a_url_of_their_own(tmp_path: Path) -> None:
    async with running_shards(tmp_path / "redis") as (url, servers):
        await starts(Settings(cluster_url=url, data_dir=tmp_path))
        await starts(settings(servers[0], tmp_path), "The bus consists of shards: HELIOGRAPH_CLUSTER_URL has to begin")
        assert "+OK" in await servers[2].say("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "volatile-lru")
        await starts(Settings(cluster_url=url, data_dir=tmp_path), EVICTION)


async def test_a_replica_takes_nothing(redis: RedisServer, tmp_path: Path) -> None:
    async with running_redis(tmp_path / "replica", "--replicaof", f"{HOST} {redis.port}") as replica:
        await starts(settings(replica, tmp_path), "The bus is a replica, which takes nothing")


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        (f"redis://:{PASSWORD}@{HOST}:{{closed}}", "Error"),
        (f"redis+sentinel://:{PASSWORD}@{HOST}:{{closed}}/primary", "No master found for 'primary'"),
        (f"redis+cluster://:{PASSWORD}@{HOST}:{{closed}}", "Redis Cluster cannot be connected"),
        (f"redis://:not-{PASSWORD}@{HOST}:{{open}}", "invalid username-password pair or user is disabled"),
        (f"redis://{HOST}:{{open}}", "it wants a password"),
    ],
)
async def test_why_a_bus_can_not_be_reached_is_said_without_its_password(
    redis: RedisServer, tmp_path: Path, url: str, cause: str
) -> None:
    chosen = Settings(cluster_url=url.format(closed=free_port(), open=redis.port), data_dir=tmp_path)
    await starts(chosen, f"The bus can't be reached ({cause}")


async def test_a_bus_that_hangs_is_not_waited_for(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitness, "REACH_S", 1.0)
    redis.pause()
    try:
        await starts(settings(redis, tmp_path), "The bus can't be reached (no answer in 1 s)")
    finally:
        redis.go_on()


@pytest.mark.parametrize(
    ("version", "fits"), [("6.2.14", False), ("5.0", False), ("7.0.15", True), ("7.2.4", True), ("8.2.1", True)]
)
def test_an_old_redis_is_named(version: str, fits: bool) -> None:
    found = list(server_problems([{"redis_version": version, "role": "master"}] * 3, "redis://host"))
    assert found == ([] if fits else [f"The bus is Redis {version}: take Redis 7, or any Valkey."])


def test_a_sentinel_is_not_a_bus() -> None:
    [problem] = server_problems([{"redis_version": "7.0.15", "redis_mode": "sentinel"}], "redis://host")
    assert problem.startswith("The bus is a Sentinel")


def test_what_only_the_operator_can_know_is_a_note(tmp_path: Path) -> None:
    chosen: dict[str, Any] = {"cluster_url": "redis://host", "data_dir": tmp_path}
    [note] = cluster_notes(Settings(**chosen))
    assert note.endswith("nodes on other machines need HELIOGRAPH_ROOMS=dynamodb, and HELIOGRAPH_SIGNING_KEY.")
    [note] = cluster_notes(Settings(**chosen, signing_key="a key"))
    assert note.endswith("nodes on other machines need HELIOGRAPH_ROOMS=dynamodb.")
    [note] = cluster_notes(Settings(**chosen, rooms="dynamodb"))
    assert note.endswith("nodes on other machines need HELIOGRAPH_SIGNING_KEY.")
    assert cluster_notes(Settings(**chosen, rooms="dynamodb", signing_key="a key")) == []


async def test_the_command_says_it_and_fails(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "heliograph_server", "check-config", f"--data-dir={tmp_path}"),
        env={**os.environ, "HELIOGRAPH_CLUSTER_URL": f"redis://:{PASSWORD}@{HOST}:{free_port()}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(TIMEOUT_S):
        out, err = await process.communicate()
    note, problem = err.decode().splitlines()
    assert process.returncode == 1
    assert note.startswith("heliograph-server: note: Rooms are in a file of this machine")
    assert problem.startswith("heliograph-server: The bus can't be reached (Error")
    assert PASSWORD not in out.decode() + err.decode()

"""A bus with TLS and passwords, also of Sentinels: real servers with certificates of the tests' own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from authority import Authority
from redis_server import (
    HOST,
    PASSWORD,
    SENTINEL_PASSWORD,
    RedisServer,
    Tls,
    running_redis,
    running_replicas,
    running_shards,
)
from structlog.testing import capture_logs

from heliograph_server.cluster.bus import Changes
from heliograph_server.cluster.bus_url import read_bus_url
from heliograph_server.cluster.fitness import cluster_problems
from heliograph_server.cluster.redis_bus import RedisBus
from heliograph_server.settings import Settings, SettingsError, load_settings

from .test_registry import Nobody, on_the_bus


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority()
    chain, key = authority.keep_in(folder)
    ca = folder / "ca.pem"
    ca.write_bytes(authority.certificate)
    return Tls(chain, key, ca, authority.trusting())


@pytest.fixture(scope="module")
async def redis(tls: Tls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    async with running_redis(tmp_path_factory.mktemp("redis"), tls=tls) as server:
        yield server


async def works(url: str, ca: Path) -> None:
    """Rooms can be kept there, and nodes hear of each other."""
    async with on_the_bus(url, "one", ca) as (one, _), on_the_bus(url, "two", ca) as (_, two):
        taken = await one.take("room", "one", None)
        assert await one.commit("room", taken.home, Changes([(b"x", b"1")]))
        one.publish("two", b"batch")
        assert await two.batches.get() == b"batch"
        await one.release("room", taken.home, forget=True)


async def test_a_server_with_tls(redis: RedisServer, tls: Tls, tmp_path: Path) -> None:
    assert redis.url.startswith("rediss://")
    await works(redis.url, tls.ca)
    assert await cluster_problems(Settings(cluster_url=redis.url, cluster_ca=tls.ca, data_dir=tmp_path)) == []


async def test_a_user_with_a_password_of_its_own(redis: RedisServer, tls: Tls) -> None:
    secret = "p%ss:w/rd@?"
    assert "+OK" in await redis.say("ACL", "SETUSER", "helio", "on", f">{secret}", "~*", "&*", "+@all")
    await works(f"rediss://helio:p%25ss%3Aw%2Frd%40%3F@{HOST}:{redis.port}", tls.ca)


async def test_shards_with_tls(tls: Tls, tmp_path: Path) -> None:
    async with running_shards(tmp_path / "redis", tls=tls) as (url, _):
        assert url.startswith("rediss+cluster://")
        await works(url, tls.ca)
        assert await cluster_problems(Settings(cluster_url=url, cluster_ca=tls.ca, data_dir=tmp_path)) == []


async def test_sentinels_with_tls_and_a_password_of_their_own(tls: Tls, tmp_path: Path) -> None:
    async with running_replicas(tmp_path / "redis", tls=tls) as (url, _, _):
        assert url.endswith(f"?sentinel_password={SENTINEL_PASSWORD}")
        await works(url, tls.ca)
        assert await cluster_problems(Settings(cluster_url=url, cluster_ca=tls.ca, data_dir=tmp_path)) == []
        for wrong in (url.partition("?")[0], f"{url}-not"):
            [problem] = await cluster_problems(Settings(cluster_url=wrong, cluster_ca=tls.ca, data_dir=tmp_path))
            assert problem.startswith("The bus can't be reached (No master found for 'primary'")
            assert not mentioned(problem)


async def test_a_server_whose_certificate_nobody_vouches_for_is_not_spoken_to(
    redis: RedisServer, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(Authority().certificate)
    for ca in (None, other):
        [problem] = await cluster_problems(Settings(cluster_url=redis.url, cluster_ca=ca, data_dir=tmp_path))
        assert problem.startswith("The bus can't be reached (")
        assert "certificate verify failed" in problem.lower()
        assert not mentioned(problem)
    for unusable in (tmp_path / "missing.pem", tmp_path):
        [problem] = await cluster_problems(Settings(cluster_url=redis.url, cluster_ca=unusable, data_dir=tmp_path))
        assert problem.startswith(f"HELIOGRAPH_CLUSTER_CA={unusable} can't be read as certificates (")


async def test_nothing_but_tls_is_taken_and_nothing_says_the_password(
    redis: RedisServer, tls: Tls, tmp_path: Path
) -> None:
    plain = redis.url.replace("rediss://", "redis://")
    [problem] = await cluster_problems(Settings(cluster_url=plain, data_dir=tmp_path))
    assert problem.startswith("The bus can't be reached (")
    with capture_logs() as logs:
        for url in (plain, f"rediss://:not-{PASSWORD}@{HOST}:{redis.port}"):
            known = len(logs)
            running = asyncio.create_task(RedisBus(read_bus_url(url, tls.ca)).run("node", Nobody()))
            async with asyncio.timeout(20):
                while len(logs) == known:  # noqa: ASYNC110 - a log has no event to wait for
                    await asyncio.sleep(0.01)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert [log["event"] for log in logs] == ["cluster.bus_lost"] * 2
    assert not mentioned(problem + repr(logs))


def mentioned(text: str) -> list[str]:
    return [secret for secret in (PASSWORD, SENTINEL_PASSWORD) if secret in text]


@pytest.mark.parametrize(
    ("url", "kind", "hosts"),
    [
        ("redis://h", "single", [("h", 6379)]),
        ("redis://h:1", "single", [("h", 1)]),
        ("redis://[::1]:1", "single", [("::1", 1)]),
        ("redis+sentinel://h,i:2/name", "sentinel", [("h", 26379), ("i", 2)]),
        ("rediss+cluster://u:p@h,i:2", "cluster", [("h", 6379), ("i", 2)]),
    ],
)
def test_urls(url: str, kind: str, hosts: list[tuple[str, int]]) -> None:
    read = read_bus_url(url)
    assert (read.kind, list(read.hosts)) == (kind, hosts)


def test_what_a_url_says_beside_hosts(tmp_path: Path) -> None:
    assert read_bus_url("redis://u:p%40@h:1/3").options == {"username": "u", "password": "p@", "db": 3}
    ca = tmp_path / "ca"
    secure = {"ssl": True, "ssl_ca_certs": str(ca)}
    read = read_bus_url("rediss+sentinel://:p@h/n?sentinel_user=s&sentinel_password=q%20", ca)
    assert (read.name, read.options) == ("n", secure | {"password": "p"})
    assert read.sentinel_options == secure | {"username": "s", "password": "q "}
    assert read_bus_url("redis+sentinel://:p@h/n").sentinel_options == {}
    assert repr(read) == "BusUrl('sentinel', (('h', 26379),), 'n')"


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://:secret@",
        "redis://:secret@h:secret",
        "redis://:secret@h:65536",
        "redis://:secret@h,i",
        "redis://:secret@h/name",
        "redis://:secret@h?ssl_cert_reqs=none",
        "redis+sentinel://:secret@h",
        "redis+sentinel://:secret@h/n?socket_timeout=1",
        "redis+cluster://:secret@h/1",
        "redis+else://:secret@h",
        "http://:secret@h",
    ],
)
def test_a_url_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"HELIOGRAPH_CLUSTER_URL": url})
    [problem] = refused.value.problems
    assert problem.startswith("HELIOGRAPH_CLUSTER_URL=********: ")
    assert "secret" not in problem


@pytest.mark.parametrize("url", ["", "redis://h", "redis+cluster://h"])
def test_an_authority_wants_tls(url: str) -> None:
    given = {"HELIOGRAPH_CLUSTER_CA": "ca.pem"} | ({"HELIOGRAPH_CLUSTER_URL": url} if url else {})
    with pytest.raises(SettingsError, match="HELIOGRAPH_CLUSTER_CA: is used with a HELIOGRAPH_CLUSTER_URL that begins"):
        load_settings(given)

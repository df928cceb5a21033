"""Three nodes and a real Redis: an address has one limit of sign-ins, wherever it calls, unless the bus is away."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from redis_server import RedisServer, running_redis

from heliograph_server.cluster import redis_bus
from heliograph_server.ops import signin_limit

from .cluster_nodes import cluster, eventually, knows, running_nodes
from .running import RunningServer

LIMIT = 6
CALLS = 24
TOKEN_S = 60 / LIMIT
"""After that time there is another token: a slow machine may see one."""


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A Redis that a test may break."""
    async with running_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def patient_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes do not give a bus up that hangs."""
    monkeypatch.setattr(redis_bus, "ANSWER_S", 60.0)
    monkeypatch.setattr(redis_bus, "SILENCE_S", 60.0)


@pytest.fixture
async def trio(bus: RedisServer, tmp_path: Path) -> AsyncIterator[list[RunningServer]]:
    """Three nodes that believe whoever calls them from this machine in whose place it does."""
    async with running_nodes(tmp_path, bus.url, signin_limit=LIMIT, trusted_proxies=("127.0.0.0/8",)) as nodes:
        yield nodes


async def let_in(nodes: Sequence[RunningServer], address: str) -> tuple[int, int]:
    """How many sign-ins of an address succeed, in turn at each of the nodes, and how many tokens may have come."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    answers = []
    async with httpx.AsyncClient(headers={"X-Forwarded-For": address}) as http:
        for number in range(CALLS):
            node = nodes[number % len(nodes)]
            answers.append((await http.post(f"{node.http_url}/anonymous-signin")).status_code)
    assert set(answers) == {200, 429}
    return answers.count(200), math.ceil((loop.time() - began) / TOKEN_S)


async def test_an_address_has_one_limit_at_all_nodes_and_one_at_each_during_an_outage(
    bus: RedisServer, trio: list[RunningServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin_limit, "SHARED_WAIT_S", 10.0)  # on a busy machine the bus may be slow, too
    succeeded, more = await let_in(trio, "192.0.2.1")
    assert LIMIT <= succeeded <= LIMIT + more
    bus.kill()
    await eventually(lambda: not any(cluster(node).joined for node in trio))
    succeeded, more = await let_in(trio, "192.0.2.2")
    assert 3 * LIMIT <= succeeded <= 3 * (LIMIT + more)
    await bus.start()
    await eventually(lambda: all(knows(node, 3) for node in trio))
    succeeded, more = await let_in(trio, "192.0.2.3")
    assert LIMIT <= succeeded <= LIMIT + more


@pytest.mark.usefixtures("patient_nodes")
async def test_a_bus_that_hangs_does_not_hold_up_those_who_sign_in(bus: RedisServer, trio: list[RunningServer]) -> None:
    bus.pause()
    try:
        async with httpx.AsyncClient(timeout=10) as http:
            answers = await asyncio.gather(*(http.post(f"{node.http_url}/anonymous-signin") for node in trio))
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert all(cluster(node).bus.up for node in trio)
    finally:
        bus.go_on()

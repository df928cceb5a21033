from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis_server import RedisServer, running_redis

from .cluster_nodes import running_nodes
from .running import RunningServer, running


@pytest.fixture(params=["picows", "asgi"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server with embedded defaults on free ports, through each of the transports."""
    async with running(tmp_path, transport=request.param) as server:
        yield server


@pytest.fixture(scope="module")
async def redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    """A Redis for the tests of a module that leave it as it is."""
    async with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module", params=["picows", "asgi"])
async def nodes(
    request: pytest.FixtureRequest, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[RunningServer]]:
    """Three nodes of one cluster, through each of the transports, for the tests of a module that leave them running."""
    folder = tmp_path_factory.mktemp("nodes")
    async with running_nodes(folder, redis.url, transport=request.param, rate_limit=100_000) as nodes:
        yield nodes

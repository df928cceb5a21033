"""Nodes of one cluster in this process: each a whole server on ports of its own, with a real Redis between them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from heliograph_server.cluster.node import ClusterNode

from .running import RunningServer, running
from .test_wire import eventually

__all__ = ["cluster", "eventually", "ready", "running_nodes"]


@asynccontextmanager
async def running_nodes(
    data_dir: Path, url: str, count: int = 3, **settings: Any
) -> AsyncIterator[list[RunningServer]]:
    """Nodes that know of each other, with one data directory: they share rooms and keys."""
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(running(data_dir, cluster_url=url, **settings)) for _ in range(count)]
        await eventually(lambda: all(knows(node, count) for node in nodes))
        yield nodes


def cluster(node: RunningServer) -> ClusterNode:
    """The node's part in the cluster."""
    assert node.application.cluster is not None
    return node.application.cluster


def knows(node: RunningServer, count: int) -> bool:
    """Whether the node is one of so many."""
    return cluster(node).joined and len(cluster(node).nodes) == count


async def ready(nodes: Sequence[RunningServer]) -> list[int]:
    """What each node says to `GET /ready`."""
    async with httpx.AsyncClient() as http:
        answers = await asyncio.gather(*(http.get(f"{node.http_url}/ready") for node in nodes))
    return [answer.status_code for answer in answers]

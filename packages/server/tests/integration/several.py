"""Several servers that are one, in this process, behind a real load balancer: for tests that were written for one.

What a test looks at inside of the server is that of the node which is the home of the room in question.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from balancer import HOST, running_balancer, until_ready
from redis_server import running_redis

from heliograph_protocol import Peer
from heliograph_server.signaling.member import Member

from .running import RunningServer, running_alone

__all__ = ["running_several"]

SHARED = frozenset({"identity", "rooms", "settings"})
"""Parts of an application that are the same on all nodes, or that all nodes share."""


class _Hubs:
    """The hubs of all nodes, as if they were one."""

    def __init__(self, nodes: list[RunningServer]) -> None:
        self._hubs = [node.application.hub for node in nodes]

    def __iter__(self) -> Iterator[Member]:
        return (member for hub in self._hubs for member in hub)

    def peers(self, room_id: str) -> list[Peer]:
        return [peer for hub in self._hubs for peer in hub.peers(room_id)]

    def member(self, room_id: str, peer_id: str) -> Member | None:
        found = (hub.member(room_id, peer_id) for hub in self._hubs)
        return next((member for member in found if member is not None), None)


class _Applications:
    """What tests may use of the applications of all nodes."""

    def __init__(self, nodes: list[RunningServer]) -> None:
        self._first = nodes[0].application
        self.hub = _Hubs(nodes)

    def __getattr__(self, name: str) -> Any:
        if name not in SHARED:
            raise AttributeError(f"{name} is each node's own")
        return getattr(self._first, name)


@asynccontextmanager
async def running_several(count: int, data_dir: Path, **settings: Any) -> AsyncIterator[RunningServer]:
    """So many nodes, as the one server that they are to whoever connects."""
    settings = {"trusted_proxies": (f"{HOST}/32",)} | settings
    if settings.get("rooms") == "memory":
        del settings["rooms"]  # each node's own
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis(data_dir / "redis"))
        nodes = [
            await stack.enter_async_context(running_alone(data_dir, cluster_url=redis.url, **settings))
            for _ in range(count)
        ]
        ports = [node.http_port for node in nodes]
        balancer = stack.enter_context(running_balancer(data_dir, ports))
        await until_ready(*(node.http_url for node in nodes), balancer.url)
        applications: Any = _Applications(nodes)
        yield RunningServer(applications, balancer.http_port, balancer.ws_port)

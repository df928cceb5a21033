"""Several Heliograph servers that are one: nodes in processes of their own, with a real Redis and a real HAProxy.

It can be used wherever a `ServerProcess` can: to whoever connects, and to whoever starts and stops it, it is a server.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from balancer import NOTICED_S, running_balancer, until_ready
from redis_server import HOST, running_redis
from server_process import ServerProcess

__all__ = ["FULL", "ServerCluster", "running_cluster"]

FULL: Final = os.environ.get("CLUSTER_TESTS") == "full"
"""Whether tests of a cluster are at full size, as `nox -s cluster` runs them, or in the short form of every day."""

NODES: Final = 3


class ServerCluster(ServerProcess):
    """One data directory, which all nodes share, and one pair of ports, at which the load balancer listens."""

    def __init__(self, data_dir: Path, environ: Mapping[str, str] | None, nodes: int) -> None:
        super().__init__(data_dir, environ)
        self._folder = data_dir.parent / f"{data_dir.name}-cluster"
        self._given = dict(environ or {})
        self._count = nodes
        self._stack = AsyncExitStack()
        self.nodes: list[ServerProcess] = []

    @property
    def running(self) -> bool:
        """See `ServerProcess.running`."""
        return any(node.running for node in self.nodes)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log events of that name of all nodes, in their present lives, node by node."""
        return [event for node in self.nodes for event in node.events(name)]

    async def logs(self, name: str, **fields: Any) -> None:
        """Wait until an event of that name with these fields is in the log of a node."""
        waits = [asyncio.create_task(node.logs(name, **fields)) for node in self.nodes]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def start(self) -> None:
        """Start Redis, if it does not run yet, all nodes and the load balancer, and wait until all nodes are ready."""
        if not self.nodes:
            redis = await self._stack.enter_async_context(running_redis(self._folder / "redis"))
            environ = {
                **self._given,
                "HELIOGRAPH_CLUSTER_URL": redis.url,
                "HELIOGRAPH_DRAIN_DELAY_S": str(NOTICED_S),
                "HELIOGRAPH_TRUSTED_PROXIES": f"{HOST}/32",
            }
            self.nodes = [ServerProcess(self._data_dir, environ) for _ in range(self._count)]
            await self.nodes[0].start()  # it makes the key
            await asyncio.gather(*(node.start() for node in self.nodes[1:]))
            ports = [node.http_port for node in self.nodes]
            balancer = self._stack.enter_context(running_balancer(self._folder, ports))
            self.http_port, self.ws_port = balancer.http_port, balancer.ws_port
        else:
            await asyncio.gather(*(node.start() for node in self.nodes if not node.running))
        await until_ready(*(node.url for node in self.nodes), self.url)

    async def close(self) -> None:
        """End all that still runs, Redis included."""
        await asyncio.gather(*(node.close() for node in self.nodes))
        await self._stack.aclose()

    @property
    def log(self) -> list[str]:
        """What all nodes printed, node by node."""
        return [line for node in self.nodes for line in node.log]

    @log.setter
    def log(self, _: list[str]) -> None:
        """It is the nodes'."""

    def _signal(self, number: signal.Signals) -> None:
        for node in self.nodes:
            if node.running:
                node._signal(number)

    async def _end(self, number: signal.Signals) -> int:
        ends = [node.stop() if number is signal.SIGTERM else node.kill() for node in self.nodes if node.running]
        return max(code or 0 for code in await asyncio.gather(*ends))


@asynccontextmanager
async def running_cluster(data_dir: Path, *, resume_window_s: int) -> AsyncIterator[ServerCluster]:
    """Three nodes behind a load balancer, to which any number of clients may sign in."""
    environ = {"HELIOGRAPH_SIGNIN_LIMIT": "0", "HELIOGRAPH_RESUME_WINDOW_S": str(resume_window_s)}
    cluster = ServerCluster(data_dir, environ, NODES)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.close()

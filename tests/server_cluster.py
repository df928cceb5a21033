"""Several Heliograph servers that are one: nodes in processes of their own, with a real Redis and a real HAProxy.

It can be used wherever a `ServerProcess` can: to whoever connects, and to whoever starts and stops it, it is a server.
"""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

from debian import installed
from redis_server import running_redis
from server_process import ServerProcess

__all__ = ["ServerCluster"]

HOST: Final = "127.0.0.1"
READY_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 10.0
POLL_S: Final = 0.05

_CONFIGURATION: Final = """
global
    maxconn 4096
defaults
    mode http
    option forwardfor
    option redispatch
    retries 3
    timeout connect 2s
    timeout client 120s
    timeout server 120s
    timeout tunnel 1h
    default-server check inter 200ms fall 1 rise 1 on-marked-down shutdown-sessions
frontend http
    bind {host}:{http_port}
    default_backend nodes
frontend ws
    bind {host}:{ws_port}
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk GET /ready
{servers}
"""


class ServerCluster(ServerProcess):
    """One data directory, which all nodes share, and one pair of ports, at which the load balancer listens."""

    def __init__(self, data_dir: Path, environ: Mapping[str, str] | None, nodes: int) -> None:
        super().__init__(data_dir, environ)
        self._folder = data_dir.parent / f"{data_dir.name}-cluster"
        self._given = dict(environ or {})
        self._count = nodes
        self._stack = AsyncExitStack()
        self._balancer: subprocess.Popen[bytes] | None = None
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
                "HELIOGRAPH_TRUSTED_PROXIES": f"{HOST}/32",
            }
            self.nodes = [ServerProcess(self._data_dir, environ) for _ in range(self._count)]
            await self.nodes[0].start()  # it makes the key
            await asyncio.gather(*(node.start() for node in self.nodes[1:]))
            self.http_port, self.ws_port = _free_port(), _free_port()
            self._balance()
        else:
            await asyncio.gather(*(node.start() for node in self.nodes if not node.running))
        async with asyncio.timeout(READY_TIMEOUT_S):
            for url in [*(node.url for node in self.nodes), self.url]:
                while not await asyncio.to_thread(_is_ready, url):  # noqa: ASYNC110 - it announces nothing
                    await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        """End all that still runs, Redis included."""
        for node in self.nodes:
            if node.running:
                await node.stop()
        if self._balancer is not None:
            self._balancer.terminate()
            self._balancer.wait(STOP_TIMEOUT_S)
        await self._stack.aclose()

    @property
    def log(self) -> list[str]:
        """What all nodes printed, node by node."""
        return [line for node in self.nodes for line in node.log]

    @log.setter
    def log(self, _: list[str]) -> None:
        """It is the nodes'."""

    async def _end(self, number: signal.Signals) -> int:
        ends = [node.stop() if number is signal.SIGTERM else node.kill() for node in self.nodes if node.running]
        return max(code or 0 for code in await asyncio.gather(*ends))

    def _balance(self) -> None:
        program = installed("haproxy", "haproxy")
        servers = "\n".join(
            f"    server node{number} {HOST}:{node.http_port}" for number, node in enumerate(self.nodes, 1)
        )
        path = self._folder / "haproxy.cfg"
        path.write_text(
            _CONFIGURATION.format(host=HOST, http_port=self.http_port, ws_port=self.ws_port, servers=servers), "utf-8"
        )
        with (self._folder / "haproxy.log").open("wb") as output:
            self._balancer = subprocess.Popen(
                [program, "-db", "-f", path], stdout=output, stderr=subprocess.STDOUT, env=dict(os.environ)
            )


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False

"""Three nodes in processes of their own and a real Redis, and all that can happen to them."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from cutting_proxy import CuttingProxy, cutting_proxy
from redis.asyncio import Redis
from redis_server import HOST, PASSWORD, RedisServer, running_redis
from server_process import ServerProcess

from .scale import RESUME_WINDOW_S

__all__ = ["Nodes", "running_nodes"]

COUNT: Final = 3
READY_S: Final = 60.0
POLL_S: Final = 0.05
RATE_LIMIT: Final = 100_000

_STATE: Final = 8
"""Where in a member's record in the log its state is, see `cluster.room_log`."""


class Nodes:
    """The nodes of a cluster. Each reaches Redis through a proxy of its own, so that it can be cut off from it."""

    def __init__(self, redis: RedisServer, nodes: list[ServerProcess], ways: list[CuttingProxy]) -> None:
        self.redis = redis
        self.nodes = nodes
        self._ways = ways

    @property
    def ws_urls(self) -> list[str]:
        """Where peers connect, whatever the state of the nodes is."""
        return [node.ws_url for node in self.nodes]

    async def kill(self, number: int) -> None:
        """End a node without a chance to put anything in order."""
        await self.nodes[number].kill()

    async def restart(self, number: int) -> None:
        """Ask a node to end, and start it again."""
        assert await self.nodes[number].stop() == 0
        await self.start(number)

    async def start(self, number: int) -> None:
        """Start a node on its ports, and wait until it is one of the cluster's."""
        await self.nodes[number].start()
        await self.ready(number)

    def cut(self, number: int) -> None:
        """Cut a node off from the bus: its connections break, and it gets no others."""
        self._ways[number].refusing = True
        self._ways[number].cut()

    def silence(self, number: int) -> None:
        """Cut a node off from the bus without a word: nothing arrives any more, and nobody is told."""
        self._ways[number].hang()

    def heal(self, number: int) -> None:
        """Let a node reach the bus again. What was on its way in the silence arrives late."""
        self._ways[number].refusing = False
        self._ways[number].go_on()

    async def ready(self, *numbers: int) -> None:
        """Wait until nodes, or all of them, are fit for traffic."""
        async with httpx.AsyncClient() as http, asyncio.timeout(READY_S):
            for number in numbers or range(len(self.nodes)):
                while not await _is_ready(http, self.nodes[number].url):  # noqa: ASYNC110 - it announces nothing
                    await asyncio.sleep(POLL_S)

    async def kept(self, room_ids: list[str]) -> dict[str, dict[str, str]]:
        """What the registry says who is in each room, in which state; nobody where no living node has the room."""
        async with Redis.from_url(self.redis.url) as connection:
            redis: Any = connection  # its answers are of any type
            leases = await redis.zrange("hg:nodes", 0, -1, withscores=True)
            living = {name.decode() for name, until in leases if until > time.time() * 1000}
            found = {}
            for room_id in room_ids:
                keys = f"hg:{{{room_id.encode().hex()}}}"
                home: bytes = await redis.get(f"{keys}:home") or b""
                log: dict[bytes, bytes] = await redis.hgetall(f"{keys}:log")
                there = home.decode().split(" ")[0] in living
                found[room_id] = dict(_member(value) for name, value in log.items() if name[:2] == b"m:" and there)
            return found

    async def rooms(self) -> list[int]:
        """How many rooms are at home at each node."""
        async with Redis.from_url(self.redis.url) as connection:
            redis: Any = connection
            homes = [await redis.get(key) for key in await redis.keys("hg:*:home")]
        names = [home.decode().split(" ")[0] for home in homes if home is not None]
        return [names.count(node.events("cluster.node")[-1]["node"]) for node in self.nodes]

    @property
    def lost_the_bus(self) -> bool:
        """Whether any node has lost the bus, in any of its lives."""
        return any('"cluster.bus_lost"' in line for node in self.nodes for line in node.log)

    def story(self) -> str:
        """What the nodes logged of themselves, for whoever has to find out what went wrong."""
        names = [f"node {number}: {line}" for number, node in enumerate(self.nodes) for line in node.log]
        return "\n".join(line for line in names if "peer." not in line)

    def complaints(self) -> list[str]:
        """What nodes logged as a bug of theirs."""
        lines = [line for node in self.nodes for line in node.log]
        return [line for line in lines if not line.startswith("{") or "exception" in json.loads(line)]


@asynccontextmanager
async def running_nodes(folder: Path, rng: random.Random, *, proxies: bool = True) -> AsyncIterator[Nodes]:
    """Nodes that know of each other and share a data directory. Without proxies none of them can be cut off."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis(folder / "redis"))
        ways = []
        if proxies:
            ways = [await stack.enter_async_context(cutting_proxy(redis.port, rng)) for _ in range(COUNT)]
        ports = [way.port for way in ways] or [redis.port] * COUNT
        settings = {
            "HELIOGRAPH_SIGNIN_LIMIT": "0",
            "HELIOGRAPH_RATE_LIMIT": str(RATE_LIMIT),
            "HELIOGRAPH_RESUME_WINDOW_S": str(RESUME_WINDOW_S),
        }
        urls = [f"redis://:{PASSWORD}@{HOST}:{port}/0" for port in ports]
        nodes = [ServerProcess(folder / "data", {**settings, "HELIOGRAPH_CLUSTER_URL": url}) for url in urls]
        for node in nodes:
            stack.push_async_callback(node.close)
        await nodes[0].start()  # it makes the key
        await asyncio.gather(*(node.start() for node in nodes[1:]))
        cluster = Nodes(redis, nodes, ways)
        await cluster.ready()
        yield cluster


def _member(record: bytes) -> tuple[str, str]:
    fields: list[Any] = msgspec.msgpack.decode(record)
    return fields[0], fields[_STATE]


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        answer = await http.get(f"{url}/ready")
    except httpx.TransportError:
        return False
    return answer.is_success

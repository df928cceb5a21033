"""Connections to Redis or Valkey: a single server, a replicated one behind Sentinels, or a cluster of shards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, Protocol

from hiredis import pack_command
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from heliograph_server.cluster.bus_url import BusUrl

__all__ = ["FAILURES", "ROOMS_AT_ONCE", "Connections", "Reader", "connections"]

FAILURES: Final = (RedisError, RedisClusterException, OSError, TimeoutError, asyncio.IncompleteReadError)

SENTINEL_S: Final = 1.0
"""How long a Sentinel may take to answer, before the next one is asked."""

ROOMS_AT_ONCE: Final = 64
"""Others wait meanwhile: a commit takes a server some 5 microseconds."""

_MESSAGES: Final = (b"message", b"smessage")
_ENDS: Final = (b"unsubscribe", b"sunsubscribe")


class Reader(Protocol):
    """A subscription to one channel."""

    async def next(self) -> bytes:
        """The next message."""


class Connections(Protocol):
    """One connection for commands, or one to each shard, and one to hear on. They are open while `open` lasts."""

    rooms_at_once: int
    """The keys of how many rooms one command may have."""

    def publication(self, channel: str, batch: bytes) -> tuple[Any, ...]:
        """The command that publishes to a channel."""

    def open(self, channel: str) -> contextlib.AbstractAsyncContextManager[Reader]:
        """Connect, and subscribe to a channel."""

    async def execute(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The answers to some commands, errors of a command among them. Raises those of the connection."""

    async def info(self) -> list[dict[str, Any]]:
        """What each of the servers says of itself."""

    async def remember(self, script: str) -> None:
        """Have a script known wherever it may be called."""


def connections(bus: BusUrl) -> Connections:
    """Those to what the URL stands for."""
    match bus.kind:
        case "single":
            return _Single(lambda: _server(bus))
        case "sentinel":
            return _Single(lambda: _primary(bus))
        case "cluster":
            return _Shards(bus)


class _Single:
    """See `Connections`. All goes to one server."""

    rooms_at_once = ROOMS_AT_ONCE

    def __init__(self, connect: Callable[[], contextlib.AbstractAsyncContextManager[Any]]) -> None:
        self._connect = connect
        self._client: Any = None
        self._connection: Any = None

    def publication(self, channel: str, batch: bytes) -> tuple[Any, ...]:
        return ("PUBLISH", channel, batch)

    async def execute(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """A pipeline of the client library does the same, and takes several times as long to put it into bytes."""
        connection = self._connection
        await connection.send_packed_command([pack_command(command) for command in commands], check_health=False)
        answers: list[Any] = []
        for _ in commands:
            try:
                answers.append(await connection.read_response())
            except ResponseError as error:
                answers.append(error)
        return answers

    async def info(self) -> list[dict[str, Any]]:
        return [await self._client.info()]

    async def remember(self, script: str) -> None:
        await self._client.script_load(script)

    @contextlib.asynccontextmanager
    async def open(self, channel: str) -> AsyncIterator[Reader]:
        try:
            async with self._connect() as client, client.pubsub() as subscription:
                self._client = client
                self._connection = await client.connection_pool.get_connection()
                await self.execute([("PING",)])
                await subscription.subscribe(channel)
                await subscription.parse_response(block=True)
                yield _Subscription(subscription)
        finally:
            self._client = self._connection = None


class _Shards:
    """See `Connections`. Each command goes to the shard of its key, a publication to that of its channel."""

    rooms_at_once = 1

    def __init__(self, bus: BusUrl) -> None:
        self._bus = bus
        self._client: Any = None

    def publication(self, channel: str, batch: bytes) -> tuple[Any, ...]:
        return ("SPUBLISH", channel, batch)

    async def execute(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        pipeline = self._client.pipeline()
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers

    async def info(self) -> list[dict[str, Any]]:
        return [await self._client.info(target_nodes=node) for node in self._client.get_primaries()]

    async def remember(self, script: str) -> None:
        await self._client.script_load(script)  # on every shard

    @contextlib.asynccontextmanager
    async def open(self, channel: str) -> AsyncIterator[Reader]:
        nodes = [ClusterNode(host, port) for host, port in self._bus.hosts]
        cluster: Any = RedisCluster(startup_nodes=nodes, **_options(), **self._bus.options)
        try:
            await cluster.initialize()
            self._client = cluster
            shard = cluster.get_node_from_key(channel)
            async with (
                Redis(host=shard.host, port=shard.port, **_options(), **self._bus.options) as client,
                client.pubsub() as subscription,
            ):
                await subscription.ssubscribe(channel)
                await subscription.parse_response(block=True)
                yield _Subscription(subscription)
        finally:
            self._client = None
            await cluster.aclose()


class _Subscription:
    def __init__(self, subscription: PubSub) -> None:
        self._subscription = subscription

    async def next(self) -> bytes:
        while True:
            answer = await self._subscription.parse_response(block=True)
            if answer is not None and answer[0] in _MESSAGES:
                batch: bytes = answer[2]
                return batch
            if answer is not None and answer[0] in _ENDS:
                raise ConnectionError("the channel is on another shard by now")


def _options() -> dict[str, Any]:
    """Nothing is repeated behind our back: a command that may have been executed is not given again.

    Whoever waits for an answer has a time limit. The library's own costs more than all else that it does for a command.
    With the third version of the protocol it would write all that is published out as text, for a log message.
    """
    return {"retry": Retry(NoBackoff(), 0), "socket_keepalive": True, "socket_timeout": None, "protocol": 2}


@contextlib.asynccontextmanager
async def _server(bus: BusUrl) -> AsyncIterator[Any]:
    [(host, port)] = bus.hosts
    async with Redis(host=host, port=port, **_options(), **bus.options) as client:
        yield client


@contextlib.asynccontextmanager
async def _primary(bus: BusUrl) -> AsyncIterator[Any]:
    make: Any = Sentinel  # comes without types
    asking = {**_options(), "socket_timeout": SENTINEL_S, **bus.sentinel_options}
    sentinel = make(bus.hosts, sentinel_kwargs=asking, **_options(), **bus.options)
    try:
        async with sentinel.master_for(bus.name) as client:
            yield client
    finally:
        for asked in sentinel.sentinels:
            await asked.aclose()

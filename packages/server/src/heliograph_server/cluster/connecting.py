"""Connections to Redis or Valkey: a single server, a replicated one behind Sentinels, or a cluster of shards.

| URL | what is there |
|---|---|
| `redis://[user:password@]host[:port][/database]` | one server, or the one address of a service that fails over |
| `redis+sentinel://[user:password@]host[:port],host…/name` | Sentinels that know where the primary of that name is |
| `redis+cluster://[user:password@]host[:port],host…` | some nodes of a cluster; sharded pub/sub is used |

`rediss` in the place of `redis` is TLS.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, Protocol
from urllib.parse import unquote

from hiredis import pack_command
from msgspec import Struct
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError

__all__ = ["FAILURES", "Connections", "Reader", "connections"]

FAILURES: Final = (RedisError, RedisClusterException, OSError, TimeoutError, asyncio.IncompleteReadError)

DEFAULT_PORT: Final = 6379
SENTINEL_PORT: Final = 26379
SENTINEL_S: Final = 1.0
"""How long a Sentinel may take to answer, before the next one is asked."""

_MESSAGES: Final = (b"message", b"smessage")
_ENDS: Final = (b"unsubscribe", b"sunsubscribe")
_URL: Final = re.compile(
    r"(?P<tls>rediss?)\+(?P<kind>sentinel|cluster)://"
    r"(?:(?P<user>[^:@/]*):(?P<password>[^@/]*)@)?(?P<hosts>[^@/]+)(?:/(?P<name>[^/?]*))?"
)


class Reader(Protocol):
    """A subscription to one channel."""

    async def next(self) -> bytes:
        """The next message."""


class Connections(Protocol):
    """One connection for commands, or one to each shard, and one to hear on. They are open while `open` lasts."""

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


def connections(url: str) -> Connections:
    """What the URL stands for. Raises `ValueError`."""
    if "+" not in url.partition("://")[0]:
        return _Single(lambda: _server(url))
    target = _target(url)
    if target.kind == "cluster":
        return _Shards(target)
    if not target.name:
        raise ValueError("redis+sentinel needs the name of the primary after the hosts: /name")
    return _Single(lambda: _primary(target))


class _Target(Struct, frozen=True):
    kind: str
    hosts: list[tuple[str, int]]
    name: str
    options: dict[str, Any]


class _Single:
    """See `Connections`. All goes to one server."""

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

    def __init__(self, target: _Target) -> None:
        self._target = target
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
        nodes = [ClusterNode(host, port) for host, port in self._target.hosts]
        cluster: Any = RedisCluster(startup_nodes=nodes, **self._target.options)
        try:
            await cluster.initialize()
            self._client = cluster
            shard = cluster.get_node_from_key(channel)
            options = dict(self._target.options)
            tls = options.pop("ssl", False)
            async with (
                Redis(host=shard.host, port=shard.port, ssl=tls, **options) as client,
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
    """Nothing is repeated behind our back: a command that may have been executed is not given again."""
    return {"retry": Retry(NoBackoff(), 0), "socket_keepalive": True}


@contextlib.asynccontextmanager
async def _server(url: str) -> AsyncIterator[Any]:
    async with Redis.from_url(url, **_options()) as client:
        yield client


@contextlib.asynccontextmanager
async def _primary(target: _Target) -> AsyncIterator[Any]:
    make: Any = Sentinel  # comes without types
    sentinel = make(target.hosts, sentinel_kwargs={"socket_timeout": SENTINEL_S, **_options()}, **target.options)
    try:
        async with sentinel.master_for(target.name) as client:
            yield client
    finally:
        for asked in sentinel.sentinels:
            await asked.aclose()


def _target(url: str) -> _Target:
    parts = _URL.fullmatch(url)
    if parts is None:
        raise ValueError("expected hosts separated by commas")
    default = DEFAULT_PORT if parts["kind"] == "cluster" else SENTINEL_PORT
    hosts = []
    for host in parts["hosts"].split(","):
        name, colon, port = host.rpartition(":")
        hosts.append((name, int(port)) if colon else (host, default))
    options = _options()
    if parts["password"]:
        options["password"] = unquote(parts["password"])
    if parts["user"]:
        options["username"] = unquote(parts["user"])
    if parts["tls"] == "rediss":
        options["ssl"] = True
    return _Target(parts["kind"], hosts, parts["name"] or "", options)

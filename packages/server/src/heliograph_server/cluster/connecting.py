"""Connections to Redis or Valkey: a single server, a replicated one behind Sentinels, or a cluster of shards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Protocol

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

__all__ = ["FAILURES", "Connections", "Reader"]

FAILURES: Final = (RedisError, OSError, TimeoutError, asyncio.IncompleteReadError)

_MESSAGES: Final = (b"message", b"smessage")


class Reader(Protocol):
    """A subscription to one channel."""

    async def next(self) -> bytes:
        """The next message."""


class Connections:
    """One connection for commands and one to hear on."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None

    def publication(self, channel: str, batch: bytes) -> tuple[Any, ...]:
        """The command that publishes to a channel."""
        return ("PUBLISH", channel, batch)

    async def execute(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The answers to some commands, errors of a command among them. Raises those of the connection."""
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers

    @contextlib.asynccontextmanager
    async def open(self, channel: str) -> AsyncIterator[Reader]:
        """Connect, and subscribe to a channel."""
        client = Redis.from_url(self._url, retry=Retry(NoBackoff(), 0), socket_keepalive=True)
        try:
            await client.ping()
            self._client = client
            async with client.pubsub() as subscription:
                await subscription.subscribe(channel)
                await subscription.parse_response(block=True)
                yield _Subscription(subscription)
        finally:
            self._client = None
            await client.aclose()


class _Subscription:
    def __init__(self, subscription: PubSub) -> None:
        self._subscription = subscription

    async def next(self) -> bytes:
        while True:
            answer = await self._subscription.parse_response(block=True)
            if answer is not None and answer[0] in _MESSAGES:
                batch: bytes = answer[2]
                return batch

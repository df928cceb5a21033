"""Both halves of the calls of one connection, and what programs use of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from heliograph.channels.channel import Channel
from heliograph.errors import HeliographError
from heliograph.rpc.calls import CALL_TIMEOUT_S, Calls, RpcStream
from heliograph.rpc.methods import Methods
from heliograph.rpc.serving import serve_calls

__all__ = ["RemoteCalls", "Rpc"]

H = TypeVar("H", bound=Callable[..., Any])
T = TypeVar("T")

MAX_ENDING_CHANNELS = 8
"""Channels of calls whose handlers are still being stopped; while there are so many, no other is taken."""


class Rpc:
    """Owns the channels of calls: one that was opened here, one that the other side opened."""

    def __init__(
        self, connection: Any, open_channel: Callable[[], Awaitable[Channel]], *, methods: Methods, peer_id: str
    ) -> None:
        self.methods = Methods(methods)
        self.calls = Calls(open_channel, peer_id=peer_id)
        self._connection = connection
        self._serving: asyncio.Task[None] | None = None
        self._former: set[asyncio.Task[None]] = set()

    @property
    def may_serve(self) -> bool:
        """Whether another channel of calls can be taken."""
        return len(self._former) < MAX_ENDING_CHANNELS

    def serve(self, channel: Channel) -> None:
        """Answer the calls on a channel of the other side. It has one at a time: a new one ends the one before."""
        self._stop_serving()
        self._serving = asyncio.create_task(
            serve_calls(channel, self.methods, self._connection), name=f"calls of {channel.peer_id}"
        )

    def interrupt(self, failure: HeliographError | None) -> None:
        """The path is gone: calls in both directions are over. The next call opens a channel on the next path."""
        self.calls.interrupt(failure)
        self._stop_serving()

    async def close(self) -> None:
        """Interrupt, and wait until handlers have taken notice."""
        self._stop_serving()
        await self.calls.close()
        if self._former:
            await asyncio.wait(self._former)

    def _stop_serving(self) -> None:
        if self._serving is not None and not self._serving.done():
            self._serving.cancel()
            self._former.add(self._serving)
            self._serving.add_done_callback(self._former.discard)
        self._serving = None


class RemoteCalls:
    """What a connection can do with remote calls, in both directions."""

    _rpc: Rpc

    def rpc(self, method: str) -> Callable[[H], H]:
        """Decorate the handler of a method that the other side may call, on this connection alone.

        See `Member.rpc`, which is for all connections.
        """
        return self._rpc.methods.register(method)

    @overload
    async def call(
        self, method: str, /, *args: Any, returns: type[T], timeout_s: float | None = CALL_TIMEOUT_S, **kwargs: Any
    ) -> T: ...

    @overload
    async def call(
        self, method: str, /, *args: Any, timeout_s: float | None = CALL_TIMEOUT_S, **kwargs: Any
    ) -> Any: ...

    async def call(
        self,
        method: str,
        /,
        *args: Any,
        returns: Any = Any,
        timeout_s: float | None = CALL_TIMEOUT_S,
        **kwargs: Any,
    ) -> Any:
        """Call a method of the other side and return its result, as a `returns` if that is given.

        Arguments and results are what msgspec writes as JSON. Without an answer in `timeout_s` seconds (None: however
        long it takes), or when this task is cancelled, the method is cancelled at the other side. Raises an `RpcError`:
        the peer's refusal or failure, `CallTimeout`, or `CallInterrupted` when the connection is lost meanwhile;
        `ConnectionLost` if it is over already. `TypeError` if an argument is no JSON, `ChannelMessageTooBig` if they
        are over 16 MiB together.
        """
        return await self._rpc.calls.call(method, args, kwargs, returns=returns, timeout_s=timeout_s)

    @overload
    def stream(
        self, method: str, /, *args: Any, returns: type[T], timeout_s: float | None = CALL_TIMEOUT_S, **kwargs: Any
    ) -> RpcStream[T]: ...

    @overload
    def stream(
        self, method: str, /, *args: Any, timeout_s: float | None = CALL_TIMEOUT_S, **kwargs: Any
    ) -> RpcStream[Any]: ...

    def stream(
        self,
        method: str,
        /,
        *args: Any,
        returns: Any = Any,
        timeout_s: float | None = CALL_TIMEOUT_S,
        **kwargs: Any,
    ) -> RpcStream[Any]:
        """Call a method that streams its results: `async for part in connection.stream("train", spec)`.

        `timeout_s` is for each part. A loop that reads slowly slows the method down: about 1 MiB is kept for it. Parts
        come before an error; otherwise as `call`.
        """
        return self._rpc.calls.stream(method, args, kwargs, returns=returns, timeout_s=timeout_s)

"""The worker's role: wait in a room, answer whoever connects, serve many clients at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from heliograph.channels.channel import Channel
from heliograph.channels.typed import TypedChannel
from heliograph.config import random_peer_id
from heliograph.errors import ConnectionLost, HeliographError, SignalingLost, WorkerBusy
from heliograph.labels import Strings
from heliograph.member import Member, ice_source
from heliograph.peer.connection import CONNECT_TIMEOUT_S, Connection
from heliograph.peer.ice_servers import IceServerLike
from heliograph.peer.link import REDIAL_TIMEOUT_S
from heliograph.peer.switchboard import Refusal, Switchboard
from heliograph.signaling.client import SignalingClient
from heliograph.signaling.identity import IdTokenSource
from heliograph_protocol.datachannel import CHAT_LABEL

__all__ = ["ChannelHandler", "Worker"]

log = logging.getLogger(__name__)

MAX_CLIENTS = 100
MAX_HANDLERS = 64
"""Channel handlers that run at once for one connection; further channels wait to be accepted."""

ChannelHandler = Callable[[Channel], Awaitable[None]]
H = TypeVar("H", bound=ChannelHandler)
T = TypeVar("T")
TypedHandler = Callable[[TypedChannel[T]], Awaitable[None]]


class Worker(Member):
    """A peer that answers: each channel that a client opens runs the handler for its label.

    A handler has the channel until it returns, then the channel is closed. What it raises closes the channel too and is
    logged; nobody else notices. 64 handlers run at once for one connection, and 64 more channels wait. Clients over
    `max_clients` are refused with `WORKER_BUSY`. When the socket to the server drops, the worker comes back under its
    id, and open connections go on. Clients find it by its `tags` and `properties`; with `max_claims` among the
    properties it takes so many claims at once, one without.

    With `keep_room` the room does not end while the worker is in it, for which it takes the `id_token` of the room's
    creator: it is extended in time, revived if the worker comes back after its end, and where it is gone, as when a
    server forgot it, another one like it is made, of which a `RoomRecreated` event tells.

    The id token may end while the worker runs. An anonymous user's is renewed when half of its life is over, whether
    the worker signed in by itself or was given it. For one of another issuer, give a source: a function to await, which
    is called at the start and whenever another token is needed, and gives one of the same user.

    `url`, `room`, `token`, `peer_id`, `role`, `groups`, `ice_servers`, `relay_only`, `timeout_s` and `redial_timeout_s`
    are those of `connect`.

    An async context manager: entering registers, leaving closes every connection. It raises what
    `SignalingClient` raises.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        room: str | None = None,
        token: str | None = None,
        peer_id: str | None = None,
        role: str = "worker",
        tags: Strings = (),
        properties: Mapping[str, Any] | None = None,
        groups: Strings | None = None,
        id_token: str | IdTokenSource | None = None,
        keep_room: bool = False,
        ice_servers: Iterable[IceServerLike] | None = None,
        max_clients: int = MAX_CLIENTS,
        relay_only: bool = False,
        timeout_s: float = CONNECT_TIMEOUT_S,
        redial_timeout_s: float = REDIAL_TIMEOUT_S,
    ) -> None:
        signaling = SignalingClient(
            url,
            room=room,
            token=token,
            peer_id=peer_id or random_peer_id("Worker"),
            role=role,
            tags=tags,
            properties=properties,
            groups=groups,
            id_token=id_token,
            keep_room=keep_room,
        )
        super().__init__(signaling)
        self._max_clients = max_clients
        self._handlers: dict[str, ChannelHandler] = {}
        self._switchboard = Switchboard(
            signaling,
            ice_servers=ice_source(signaling, ice_servers),
            admit=self._admit,
            serve=self._serve,
            events=self._stream,
            methods=self._methods,
            timeout_s=timeout_s,
            redial_timeout_s=redial_timeout_s,
            relay_only=relay_only,
        )
        self._routing: asyncio.Task[None] | None = None

    @property
    def clients(self) -> tuple[str, ...]:
        """The peers that are connected or connecting."""
        return tuple(connection.peer_id for connection in self._switchboard.connections)

    @overload
    def on_channel(self, label: str) -> Callable[[H], H]: ...

    @overload
    def on_channel(self, label: str, *, type: type[T]) -> Callable[[TypedHandler[T]], TypedHandler[T]]: ...

    def on_channel(self, label: str, *, type: type[Any] | None = None) -> Callable[[Any], Any]:  # noqa: A002
        """Decorate the handler for channels with this label. Channels without a handler are closed, `chat` excepted.

        With a `type` the handler gets a `TypedChannel` of it.
        """

        def register(handler: Any) -> Any:
            if type is None:
                self._handlers[label] = handler
            else:
                self._handlers[label] = lambda channel: handler(TypedChannel(channel, type))
            return handler

        return register

    async def __aenter__(self) -> Self:
        await self._signaling.open()
        self._routing = asyncio.create_task(self._switchboard.run(), name=f"switchboard of {self.peer_id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._routing is not None:
                self._routing.cancel()
                await asyncio.wait([self._routing])
        finally:  # whoever closes may be cancelled
            await self._signaling.close()

    async def run(self) -> None:
        """Register and serve until this is cancelled or `wait_closed` would raise."""
        async with self:
            await self.wait_closed()

    async def wait_closed(self) -> None:
        """Wait while the worker serves.

        Raises what ended its registration for good (`Replaced`, `Removed`, `RoomExpired`, …), but not before the last
        open connection has ended: those need no server.
        """
        if self._routing is None:
            raise SignalingLost("This worker is not running")
        await asyncio.shield(self._routing)

    def _admit(self, peer_id: str) -> Refusal | None:
        others = [client for client in self.clients if client != peer_id]
        if len(others) < self._max_clients:
            return None
        return Refusal(
            code=WorkerBusy.CODE,
            reason=WorkerBusy.REASON,
            message=f"{self.peer_id} serves {self._max_clients} clients, which is as many as it will",
        )

    async def _serve(self, connection: Connection) -> None:
        free = asyncio.Semaphore(MAX_HANDLERS)
        async with asyncio.TaskGroup() as group:
            while True:
                await free.acquire()
                try:
                    channel = await connection.accept_channel()
                except ConnectionLost:
                    return
                handling = group.create_task(self._handle(channel), name=f"{channel.label} of {channel.peer_id}")
                handling.add_done_callback(lambda _: free.release())

    async def _handle(self, channel: Channel) -> None:
        handler = self._handlers.get(channel.label)
        if handler is None and channel.label == CHAT_LABEL:
            return  # every connection begins with it: closing it would fail the client's `connect`
        try:
            if handler is None:
                log.info("worker.channel_unhandled peer=%s label=%s", channel.peer_id, channel.label)
            else:
                await handler(channel)
        except HeliographError as error:
            log.info("worker.channel_failed peer=%s label=%s reason=%s", channel.peer_id, channel.label, error)
        except (Exception, SystemExit):
            log.exception("worker.handler_failed peer=%s label=%s", channel.peer_id, channel.label)
        finally:
            await channel.close()

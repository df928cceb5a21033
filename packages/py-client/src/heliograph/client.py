"""The client's role: be in a room, connect to its peers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, overload

from heliograph.config import random_peer_id
from heliograph.errors import SignalingLost
from heliograph.labels import Strings
from heliograph.member import Member, ice_source
from heliograph.peer.connection import CONNECT_TIMEOUT_S, Connection
from heliograph.peer.ice_servers import IceServer, IceServerLike
from heliograph.peer.link import REDIAL_TIMEOUT_S
from heliograph.peer.switchboard import Refusal, Switchboard
from heliograph.signaling.client import SignalingClient
from heliograph.signaling.identity import IdTokenSource

__all__ = ["Session", "connect"]

MAX_WAITING_CONNECTIONS = 16
"""Connections that other peers opened and that nobody has accepted yet; further offers are refused."""

_NOT_ACCEPTING = Refusal(code="NOT_ACCEPTING", reason="not_accepting", message="This peer accepts no connections")


class Session(Member):
    """A peer in a room that connects to others, and lets others connect to it. Made by `connect`."""

    def __init__(
        self,
        signaling: SignalingClient,
        *,
        ice_servers: Iterable[IceServer] | None,
        relay_only: bool = False,
        timeout_s: float = CONNECT_TIMEOUT_S,
        redial_timeout_s: float = REDIAL_TIMEOUT_S,
    ) -> None:
        super().__init__(signaling)
        self._accepting = False
        self._accepted: asyncio.Queue[Connection] = asyncio.Queue(MAX_WAITING_CONNECTIONS)
        self._switchboard = Switchboard(
            signaling,
            ice_servers=ice_source(signaling, ice_servers),
            admit=self._admit,
            serve=self._hand_over,
            events=self._stream,
            methods=self._methods,
            timeout_s=timeout_s,
            redial_timeout_s=redial_timeout_s,
            relay_only=relay_only,
        )
        self._knows_ice_servers = ice_servers is not None
        self._routing: asyncio.Task[None] | None = None

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections that are open or being made."""
        return self._switchboard.connections

    async def connect(self, peer_id: str) -> Connection:
        """Connect to a peer: its `chat` channel is open when this returns.

        Raises `PeerNotFound`, `WorkerBusy`, `ConnectTimeout` or another `ConnectError`.
        """
        return await self._switchboard.dial(self._switchboard.prepare(peer_id))

    async def accept(self) -> Connection:
        """The next connection that another peer opens to this one. Before the first call, offers are refused.

        Raises what ended the session's registration for good.
        """
        self._accepting = True
        if self._routing is None:
            raise SignalingLost("This session is not open")
        arriving = asyncio.ensure_future(self._accepted.get())
        try:
            await asyncio.wait([arriving, self._routing], return_when=asyncio.FIRST_COMPLETED)
            if not arriving.done():
                self._routing.result()
                raise SignalingLost("This session is closed")
            return arriving.result()
        finally:
            arriving.cancel()

    def _admit(self, _peer_id: str) -> Refusal | None:
        return None if self._accepting and not self._accepted.full() else _NOT_ACCEPTING

    async def _hand_over(self, connection: Connection) -> None:
        await self._accepted.put(connection)
        await connection.wait_closed()

    async def _dial(self, peer_id: str, opening: asyncio.Task[None]) -> Connection:
        """Open the session and connect. The offer is made meanwhile, unless the server names the ICE servers."""
        if not self._knows_ice_servers:
            await opening
        connection = self._switchboard.prepare(peer_id)
        try:
            await opening
        except BaseException:
            await connection.close()
            raise
        return await self._switchboard.dial(connection)

    async def _open(self) -> None:
        await self._signaling.open()
        self._routing = asyncio.create_task(self._switchboard.run(), name=f"switchboard of {self.peer_id}")
        await asyncio.sleep(0)  # let it start, so that a connection finds it running

    async def _close(self) -> None:
        try:
            if self._routing is not None:
                self._routing.cancel()
                await asyncio.wait([self._routing])
        finally:  # whoever closes may be cancelled
            await self._signaling.close()


@overload
def connect(
    url: str | None = None,
    *,
    peer: str,
    room: str | None = None,
    token: str | None = None,
    peer_id: str | None = None,
    role: str = "client",
    tags: Strings = (),
    properties: Mapping[str, Any] | None = None,
    groups: Strings | None = None,
    id_token: str | IdTokenSource | None = None,
    ice_servers: Iterable[IceServerLike] | None = None,
    relay_only: bool = False,
    timeout_s: float = CONNECT_TIMEOUT_S,
    redial_timeout_s: float = REDIAL_TIMEOUT_S,
) -> AbstractAsyncContextManager[Connection]: ...


@overload
def connect(
    url: str | None = None,
    *,
    peer: None = None,
    room: str | None = None,
    token: str | None = None,
    peer_id: str | None = None,
    role: str = "client",
    tags: Strings = (),
    properties: Mapping[str, Any] | None = None,
    groups: Strings | None = None,
    id_token: str | IdTokenSource | None = None,
    ice_servers: Iterable[IceServerLike] | None = None,
    relay_only: bool = False,
    timeout_s: float = CONNECT_TIMEOUT_S,
    redial_timeout_s: float = REDIAL_TIMEOUT_S,
) -> AbstractAsyncContextManager[Session]: ...


def connect(
    url: str | None = None,
    *,
    peer: str | None = None,
    room: str | None = None,
    token: str | None = None,
    peer_id: str | None = None,
    role: str = "client",
    tags: Strings = (),
    properties: Mapping[str, Any] | None = None,
    groups: Strings | None = None,
    id_token: str | IdTokenSource | None = None,
    ice_servers: Iterable[IceServerLike] | None = None,
    relay_only: bool = False,
    timeout_s: float = CONNECT_TIMEOUT_S,
    redial_timeout_s: float = REDIAL_TIMEOUT_S,
) -> AbstractAsyncContextManager[Connection] | AbstractAsyncContextManager[Session]:
    """Enter a room. With `peer`, connect to that peer: you get the `Connection`. Without, you get the `Session`.

    `url` is the server's address, or a room link, which has room and token in it; by default `HELIOGRAPH_URL` or this
    machine. `room` is its id, `token` its token or a join token. This peer is called `peer_id`, by default something
    random; `role`, `tags`, `properties` and `groups` are what it says of itself (`groups=None`: the default one).
    `ice_servers` takes URLs, RTCIceServer dicts or `IceServer`s, `[]` for none; by default they are the server's.
    With `relay_only` no other candidates than a TURN server's are used. `timeout_s` is for each connection; when its
    path is lost, it is dialled again for `redial_timeout_s` seconds, 0 for not at all. Signs in anonymously unless
    there is an `id_token`, which may be a source: see `Worker`.

    Entering raises `ConfigurationError` if something of it cannot be used, `ServerUnreachable`, a `Refused` such as
    `InvalidRoomToken`, and with `peer` what `Session.connect` raises.
    """
    signaling = SignalingClient(
        url,
        room=room,
        token=token,
        peer_id=peer_id or random_peer_id("Client"),
        role=role,
        tags=tags,
        properties=properties,
        groups=groups,
        id_token=id_token,
    )
    own = None if ice_servers is None else [IceServer.of(server) for server in ice_servers]
    session = Session(
        signaling, ice_servers=own, relay_only=relay_only, timeout_s=timeout_s, redial_timeout_s=redial_timeout_s
    )
    return _in_room(session) if peer is None else _connected(session, peer)


@asynccontextmanager
async def _in_room(session: Session) -> AsyncIterator[Session]:
    try:
        await session._open()  # noqa: SLF001 - entering and leaving are this module's, not the API's
        yield session
    finally:
        await session._close()  # noqa: SLF001


@asynccontextmanager
async def _connected(session: Session, peer: str) -> AsyncIterator[Connection]:
    opening = asyncio.create_task(session._open(), name=f"open the session of {session.peer_id}")  # noqa: SLF001
    try:
        yield await session._dial(peer, opening)  # noqa: SLF001
    finally:
        opening.cancel()
        try:
            await asyncio.wait([opening])
        finally:
            await session._close()  # noqa: SLF001

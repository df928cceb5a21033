"""The server's HTTP endpoints: signing in, rooms and what is in them, join tokens, ICE servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import quote

import httpx
from msgspec import UNSET, Struct, UnsetType

from heliograph.config import ServerAddress, settings
from heliograph.errors import ConfigurationError
from heliograph.http import TIMEOUT_S, HttpCalls
from heliograph.labels import Strings, strings
from heliograph_protocol import IceServer, Peer

__all__ = ["Api", "IceServers", "Identity", "JoinToken", "Room", "RoomDetails", "create_room"]

T = TypeVar("T")

_OTHER_PATHS = {"", ".", ".."}
"""Segments with which a URL means another path (RFC 3986 section 5.2.4); escaped, too, once a proxy undid that."""

Policy = Mapping[str, Mapping[str, Iterable[str]]]


class Identity(Struct, frozen=True, kw_only=True):
    """Who the server takes this program for. The token is a secret."""

    id_token: str
    username: str

    def __repr__(self) -> str:
        return f"Identity(username={self.username!r})"


class Room(Struct, frozen=True, kw_only=True):
    """A room: `room_id`, and the `token` that lets peers in, which is a secret. `expires_at` is in Unix seconds."""

    room_id: str
    token: str
    expires_at: int

    def __repr__(self) -> str:
        return f"Room(room_id={self.room_id!r}, expires_at={self.expires_at})"


class RoomDetails(Struct, frozen=True, kw_only=True):
    """The room `room_id` as its creator or one of its peers sees it; only the creator gets `token`.

    `created_at` and `expires_at` are in Unix seconds. `peer_count` of at most `max_peers` peers are there. `name` and
    `policy` are what `Api.create_room` was given.
    """

    room_id: str
    name: str | None
    created_at: int
    expires_at: int
    max_peers: int
    policy: dict[str, Any] | None
    peer_count: int
    token: str | None = None

    def __repr__(self) -> str:
        return f"RoomDetails(room_id={self.room_id!r}, name={self.name!r}, expires_at={self.expires_at})"


class JoinToken(Struct, frozen=True, kw_only=True):
    """Lets one peer, or one kind of peers, into a room: give it as `token`. A secret; `expires_at` in Unix seconds."""

    token: str
    expires_at: int

    def __repr__(self) -> str:
        return f"JoinToken(expires_at={self.expires_at})"


class IceServers(Struct, frozen=True, kw_only=True):
    """STUN and TURN servers; their credentials are good for `ttl_s` seconds."""

    ice_servers: list[IceServer]
    ttl_s: int


class _Page(Struct, Generic[T], frozen=True):
    items: list[T]
    next: str | None


class _Status(Struct, frozen=True):
    status: str


class _Token(Struct, frozen=True):
    token: str


class Api:
    """The HTTP endpoints of the server at `url`, over one pool of connections. An async context manager.

    An answer may take `timeout_s` seconds. `transport` is httpx's, for proxies of one's own and for tests.
    Every call raises `ServerUnreachable` or `ApiError`. `id_token` says who calls: rooms are their creator's to change.
    """

    def __init__(
        self, url: str | None = None, *, timeout_s: float = TIMEOUT_S, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = HttpCalls(ServerAddress.parse(url or settings().url), timeout_s=timeout_s, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.close()

    async def sign_in(self) -> Identity:
        """Become an anonymous user."""
        return await self._http.call("POST", "/anonymous-signin", Identity, body={})

    async def renew(self, *, id_token: str) -> Identity:
        """Another token for the same anonymous user, good for as long again; the old one counts until its own end.

        `ApiError` 401 says that the token does not count any more, 403 that the server does not renew it.
        """
        return await self._http.call("POST", "/api/id-token", Identity, id_token=id_token)

    async def create_room(
        self,
        *,
        id_token: str,
        name: str | None = None,
        ttl_s: int | None = None,
        max_peers: int | None = None,
        policy: Policy | None = None,
    ) -> Room:
        """Create a room that belongs to the token's user. Nobody gets in after `ttl_s` seconds, 2 hours by default.

        `name` is for people to read; `max_peers` is 1,000 by default, or as many as the server allows. `policy` says
        which roles may signal which: `{"signal": {"client": ["worker"]}}`.
        """
        wanted = _given(name=name, ttl_s=ttl_s, max_peers=max_peers, policy=policy)
        if not wanted:
            return await self._http.call("POST", "/create-room", Room, body={}, id_token=id_token)
        return await self._http.call("POST", "/api/rooms", Room, body=wanted, id_token=id_token)

    async def rooms(self, *, id_token: str) -> AsyncIterator[RoomDetails]:
        """The user's rooms, newest first."""
        async for room in self._pages("/api/rooms", RoomDetails, id_token=id_token):
            yield room

    async def room(self, room_id: str, *, id_token: str) -> RoomDetails:
        """A room that the user created or is in."""
        return await self._http.call("GET", _room(room_id), RoomDetails, id_token=id_token)

    async def update_room(
        self,
        room_id: str,
        *,
        id_token: str,
        name: str | UnsetType | None = UNSET,
        ttl_s: int | UnsetType = UNSET,
        max_peers: int | UnsetType = UNSET,
        policy: Policy | UnsetType | None = UNSET,
    ) -> RoomDetails:
        """Change a room. `ttl_s` counts from now, and so extends it; a name or policy of None takes it away."""
        given = {"name": name, "ttl_s": ttl_s, "max_peers": max_peers, "policy": policy}
        changes = {key: value for key, value in given.items() if value is not UNSET}
        return await self._http.call("PATCH", _room(room_id), RoomDetails, body=changes, id_token=id_token)

    async def close_room(self, room_id: str, *, id_token: str) -> None:
        """Close a room: everyone in it is put out."""
        await self._http.call("DELETE", _room(room_id), type(None), id_token=id_token)

    async def peers(
        self, room_id: str, *, id_token: str, role: Strings | None = None, tags: Strings | None = None
    ) -> AsyncIterator[Peer]:
        """The peers in a room, for those in it and its creator; with any of the roles, and any of the tags."""
        query = _given(role=_listed(role), tag=_listed(tags))
        async for peer in self._pages(_room(room_id, "peers"), Peer, id_token=id_token, **query):
            yield peer

    async def remove_peer(self, room_id: str, peer_id: str, *, id_token: str) -> None:
        """Put a peer out of a room. Raises `ConfigurationError` for one called `.` or `..`, which no URL can name."""
        await self._http.call("DELETE", _room(room_id, "peers", peer_id), type(None), id_token=id_token)

    async def mint_token(
        self,
        room_id: str,
        *,
        id_token: str,
        role: str | None = None,
        peer_id: str | None = None,
        groups: Strings | None = None,
        grants: Strings | None = None,
        ttl_s: int | None = None,
    ) -> JoinToken:
        """Make a join token. Whoever uses it cannot choose what is given here. Without `ttl_s` it lasts as the room."""
        wanted = _given(role=role, peer_id=peer_id, groups=_listed(groups), grants=_listed(grants), ttl_s=ttl_s)
        return await self._http.call("POST", _room(room_id, "tokens"), JoinToken, body=wanted, id_token=id_token)

    async def rotate_token(self, room_id: str, *, id_token: str) -> str:
        """Give a room another token, which is returned; the old one and all join tokens open nothing any more."""
        path = _room(room_id, "rotate-token")
        return (await self._http.call("POST", path, _Token, id_token=id_token)).token

    async def ice_servers(self, *, id_token: str) -> IceServers:
        """The STUN and TURN servers, with fresh credentials."""
        return await self._http.call("GET", "/api/ice-servers", IceServers, id_token=id_token)

    async def delete_peers_and_room(self, peer_id: str, *, id_token: str, room_id: str | None = None) -> str:
        """As the room's creator: remove the room with every peer; as the peer's user: that peer. Returns the status."""
        body = _given(peer_id=peer_id, room_id=room_id)
        return (await self._http.call("POST", "/delete-peers-and-room", _Status, body=body, id_token=id_token)).status

    async def _pages(self, path: str, kind: type[T], *, id_token: str, **query: str | list[str]) -> AsyncIterator[T]:
        while True:
            page = await self._http.call("GET", path, _Page[kind], query=query, id_token=id_token)  # type: ignore[valid-type]
            for item in page.items:
                yield item
            if page.next is None:
                return
            query["cursor"] = page.next


async def create_room(
    url: str | None = None,
    *,
    id_token: str | None = None,
    name: str | None = None,
    ttl_s: int | None = None,
    max_peers: int | None = None,
    policy: Policy | None = None,
) -> Room:
    """Create a room on the server at `url` as `Api.create_room` does, as a new anonymous user without an `id_token`.

    `name`, `ttl_s`, `max_peers` and `policy` are those of `Api.create_room`. To change or close the room later, keep an
    id token (`Api.sign_in`) and give it here. Raises `ServerUnreachable` or `ApiError`.
    """
    async with Api(url) as api:
        owner = id_token or (await api.sign_in()).id_token
        return await api.create_room(id_token=owner, name=name, ttl_s=ttl_s, max_peers=max_peers, policy=policy)


def _room(room_id: str, *further: str) -> str:
    """The path of a room, or of something in it. Raises `ConfigurationError` for a name that would lead elsewhere."""
    for part in (room_id, *further):
        if part in _OTHER_PATHS:
            raise ConfigurationError(f"{part!r} cannot be part of an address")
    return "/".join(["/api/rooms", *(quote(part, safe="") for part in (room_id, *further))])


def _listed(value: Strings | None) -> list[str] | None:
    return None if value is None else strings(value)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

"""The server's HTTP endpoints: anonymous sign-in, creating a room, removing peers and rooms."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Self, TypeVar

import httpx
import msgspec
from msgspec import Struct

from heliograph.config import ServerAddress, settings
from heliograph.errors import ApiError, ServerUnreachable

__all__ = ["Api", "Identity", "Room", "create_room"]

T = TypeVar("T", bound=Struct)

TIMEOUT_S = 10.0


class Identity(Struct, frozen=True, kw_only=True):
    """Who the server takes this program for. The token is a secret."""

    id_token: str
    username: str

    def __repr__(self) -> str:
        return f"Identity(username={self.username!r})"


class Room(Struct, frozen=True, kw_only=True):
    """A room and what lets a peer in. `expires_at` is in Unix seconds; the token is a secret."""

    room_id: str
    token: str
    expires_at: int

    def __repr__(self) -> str:
        return f"Room(room_id={self.room_id!r}, expires_at={self.expires_at})"


class _Status(Struct, frozen=True):
    status: str


class _Problem(Struct, frozen=True):
    detail: str = ""


class Api:
    """One server's HTTP endpoints, over one pool of connections. An async context manager.

    Every call raises `ServerUnreachable` or `ApiError`.
    """

    def __init__(
        self, url: str | None = None, *, timeout_s: float = TIMEOUT_S, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._address = ServerAddress.parse(url or settings().url)
        # Loading the CA bundle takes longer than a whole sign-in, and plain HTTP has no use for it. The empty context
        # trusts no one, so nothing gets through unverified either.
        plain = self._address.http_url.startswith("http:")
        self._client = httpx.AsyncClient(
            base_url=self._address.http_url,
            timeout=timeout_s,
            transport=transport,
            trust_env=not self._address.is_loopback,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._client.aclose()

    async def sign_in(self) -> Identity:
        """Become an anonymous user."""
        return await self._post("/anonymous-signin", {}, Identity)

    async def create_room(self, *, id_token: str) -> Room:
        """Create a room that belongs to the token's user."""
        return await self._post("/create-room", {}, Room, id_token=id_token)

    async def delete_peers_and_room(self, peer_id: str, *, id_token: str, room_id: str | None = None) -> str:
        """As the room's creator: remove the room with every peer; as the peer's user: that peer. Returns the status."""
        body = {"peer_id": peer_id} if room_id is None else {"peer_id": peer_id, "room_id": room_id}
        return (await self._post("/delete-peers-and-room", body, _Status, id_token=id_token)).status

    async def _post(self, path: str, body: dict[str, str], kind: type[T], *, id_token: str | None = None) -> T:
        headers = {} if id_token is None else {"Authorization": f"Bearer {id_token}"}
        try:
            response = await self._client.post(path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise ServerUnreachable(f"No answer from {self._address.http_url}: {_words(error)}") from error
        if response.is_error:
            raise ApiError(response.status_code, _detail(response))
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.DecodeError as error:
            raise ServerUnreachable(f"{self._address.http_url} is no Heliograph server: {error}") from error


async def create_room(url: str | None = None, *, id_token: str | None = None) -> Room:
    """Create a room, as a new anonymous user unless an id token is given."""
    async with Api(url) as api:
        return await api.create_room(id_token=id_token or (await api.sign_in()).id_token)


def _detail(response: httpx.Response) -> str:
    try:
        detail = msgspec.json.decode(response.content, type=_Problem).detail
    except msgspec.DecodeError:
        detail = ""
    return detail or response.reason_phrase or "Refused"


def _words(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__

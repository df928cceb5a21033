"""HTTP calls to one server: JSON in and out, errors as this package's. The one place that knows `httpx`."""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus
from typing import TypeVar

import httpx
import msgspec
from msgspec import Struct

from heliograph.config import ServerAddress
from heliograph.errors import ApiError, ConfigurationError, ServerUnreachable
from heliograph.unreadable import UNREADABLE

__all__ = ["TIMEOUT_S", "HttpCalls"]

T = TypeVar("T")

TIMEOUT_S = 10.0
"""For a whole call: a server that sends a little now and then does not hold it up for longer."""


class _Problem(Struct, frozen=True):
    detail: str = ""


class HttpCalls:
    """One pool of connections to one server. Every call raises `ServerUnreachable` or `ApiError`."""

    def __init__(self, address: ServerAddress, *, timeout_s: float, transport: httpx.AsyncBaseTransport | None) -> None:
        self._url = address.http_url
        self._timeout_s = timeout_s
        # Loading the CA bundle takes longer than a whole sign-in, and plain HTTP has no use for it. The empty context
        # trusts no one, so nothing gets through unverified either.
        plain = self._url.startswith("http:")
        try:
            self._client = httpx.AsyncClient(
                base_url=self._url,
                timeout=timeout_s,
                transport=transport,
                trust_env=not address.is_loopback,
                verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True,
            )
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"{self._url!r} cannot be used: {error}") from error

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: object = None,
        query: dict[str, str | list[str]] | None = None,
        id_token: str | None = None,
    ) -> T:
        """The reply as that type; `None` as the type is for a reply without a body. `body` is encoded as JSON."""
        headers = {} if id_token is None else {"Authorization": f"Bearer {id_token}"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.request(method, path, content=content, params=query, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ServerUnreachable(f"No answer from {self._url}: {str(error) or type(error).__name__}") from error
        if response.is_error:
            raise ApiError(response.status_code, _detail(response))
        try:
            return msgspec.json.decode(
                b"null" if response.status_code == HTTPStatus.NO_CONTENT else response.content, type=kind
            )
        except UNREADABLE as error:
            raise ServerUnreachable(f"{self._url} is no Heliograph server: {error}") from error


def _detail(response: httpx.Response) -> str:
    try:
        detail = msgspec.json.decode(response.content, type=_Problem).detail
    except UNREADABLE:
        detail = ""
    return detail or response.reason_phrase or "Refused"

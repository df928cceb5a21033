"""Who a client is to the server: an id token, and another one for the same user before it ends."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeAlias

import msgspec
from msgspec import Struct

from heliograph.api import Api
from heliograph.errors import ApiError, HeliographError, SignalingLost

__all__ = ["ClientIdentity", "IdTokenSource", "half_is_over", "renewal_due_s"]

log = logging.getLogger(__name__)

IdTokenSource: TypeAlias = Callable[[], Awaitable[str]]
"""Gives an id token that counts now, always of the same user: called at the start, when half of the life of the last
one is over, and when the server does not take that one any more."""

SOONEST_S = 30.0
"""A client that stays for less does not renew, however old its token is, but near the end of it."""
RETRY_S = 30.0
SHORTEST_S = 0.1
"""Between one token and the next, whatever they say of their life."""
MAX_REFUSALS = 8
"""One after the other: whatever comes next is refused as well."""
_LASTING = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
)
"""After these answers there is no use in asking again: that token is not the server's to renew."""


class _Claims(Struct, frozen=True):
    """RFC 7519 section 4.1, in Unix seconds. Nothing is verified here: that is the server's part."""

    iat: float
    exp: float


class ClientIdentity:
    """Owns the id token of one client. `given` is one, or its source; without either it signs in anonymously.

    `clock` gives Unix seconds, and may be wrong as long as the server makes the tokens.
    """

    def __init__(
        self,
        url: str,
        given: str | IdTokenSource | None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._source = given if callable(given) else None
        self._clock = clock
        self._sleep = sleep
        self._ahead_s = 0.0
        self._refusals = 0
        self.token = given if isinstance(given, str) else None
        self.signs_in = given is None

    @property
    def may_change(self) -> bool:
        """Whether it is worth a try with another token if the server refuses this one."""
        return (self.signs_in or self._source is not None) and self._refusals <= MAX_REFUSALS

    def refused(self) -> None:
        """The server does not take the token any more: the next one will be another, where that can be."""
        self._refusals += 1
        if self.may_change:
            self.token = None

    def accepted(self) -> None:
        """The server takes the token."""
        self._refusals = 0

    async def get(self) -> str:
        """The token; the first one is made, or asked for. Raises `ServerUnreachable`, `ApiError`, `SignalingLost`."""
        if self.token is None:
            if self._source is not None:
                self.token = await self._from(self._source)
            else:
                async with Api(self._url) as api:
                    self._take((await api.sign_in()).id_token)
        return str(self.token)

    async def keep(self) -> None:
        """Have another token in time for as long as this runs. Ends where there is none to be had."""
        while self.token is not None and (delay_s := renewal_due_s(self.token, self._now())) is not None:
            await self._sleep(delay_s)
            try:
                await self._renew(self.token)
            except HeliographError as error:
                if isinstance(error, ApiError) and error.status in _LASTING:
                    log.info("identity.not_renewed reason=%s", error)
                    return
                log.info("identity.not_yet_renewed reason=%s", error)
                await self._sleep(min(RETRY_S, delay_s))

    async def _renew(self, token: str) -> None:
        if self._source is not None:
            self.token = await self._from(self._source)
            return
        async with Api(self._url) as api:
            self._take((await api.renew(id_token=token)).id_token)
        log.info("identity.renewed")

    def _take(self, token: str) -> None:
        """One that the server has made just now, by its own clock."""
        self.token = token
        if (claims := _claims(token)) is not None:
            self._ahead_s = claims.iat - self._clock()

    def _now(self) -> float:
        return self._clock() + self._ahead_s

    @staticmethod
    async def _from(source: IdTokenSource) -> str:
        try:
            return await source()
        except HeliographError:
            raise
        except Exception as error:
            raise SignalingLost(f"The source of the id token gave none: {error!r}") from error


def renewal_due_s(token: str, now: float) -> float | None:
    """Seconds until a token should be renewed, when half of its life is over; None if it does not say when it ends.

    `now` is in Unix seconds. It is never at once: most clients are gone again soon.
    """
    if (claims := _claims(token)) is None:
        return None
    left_s = max(0.0, claims.exp - max(now, claims.iat))
    return max(left_s - (claims.exp - claims.iat) / 2, min(SOONEST_S, left_s / 10), SHORTEST_S)


def half_is_over(token: str, now: float) -> bool:
    """Whether at least half of a token's life is; a token that does not say when it ends is always young."""
    claims = _claims(token)
    return claims is not None and now - claims.iat >= claims.exp - now


def _claims(token: str) -> _Claims | None:
    try:
        _header, payload, _signature = token.split(".")
        return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims)
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        return None

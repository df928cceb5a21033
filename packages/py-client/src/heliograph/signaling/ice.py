"""TURN credentials that do not run out while a peer stays."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from msgspec import UNSET

from heliograph.api import Api
from heliograph.errors import ApiError, HeliographError
from heliograph_protocol import IceServer

__all__ = ["FreshIceServers", "refresh_after_s"]

log = logging.getLogger(__name__)

REFRESH_AFTER_S = 1500.0
"""Where a user name does not say until when it is good. Servers give an hour by default."""
RETRY_S = 30.0
SOONEST_S = 1.0
TIME_DIGITS = 12
"""More are no Unix seconds, and thousands no number for Python."""


class _Holder(Protocol):
    ice_servers: list[IceServer]


class _Identity(Protocol):
    @property
    def id_token(self) -> str | None: ...


class FreshIceServers:
    """Asks the server for new credentials when half of the time of the old ones is over. `clock` gives Unix seconds."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._clock = clock

    async def keep_fresh(self, holder: _Holder, identity: _Identity) -> None:
        """Renew the holder's ICE servers for as long as this runs. Ends if they carry no credentials.

        Also ends when the id token is good no more: registering again brings new credentials and starts this anew.
        """
        delay_s = refresh_after_s(holder.ice_servers, self._clock())
        while delay_s is not None:
            await asyncio.sleep(delay_s)
            delay_s = await self._renew(holder, identity)

    async def _renew(self, holder: _Holder, identity: _Identity) -> float | None:
        """Seconds until the next time; this machine's clock may be wrong, the server's word on the duration is not."""
        if identity.id_token is None:
            return None
        try:
            async with Api(self._url) as api:
                renewed = await api.ice_servers(id_token=identity.id_token)
        except HeliographError as error:
            log.info("ice.not_refreshed reason=%s", error)
            unauthorized = isinstance(error, ApiError) and error.status == HTTPStatus.UNAUTHORIZED
            return None if unauthorized else RETRY_S
        holder.ice_servers = renewed.ice_servers
        return max(SOONEST_S, renewed.ttl_s / 2) if _user_names(renewed.ice_servers) else None


def refresh_after_s(servers: list[IceServer], now: float) -> float | None:
    """Seconds until the first of the credentials has half of its time behind it; None if there are none.

    `now` is in Unix seconds. A time-limited user name starts with the Unix second at which it ends (the REST API for
    access to TURN services, draft-uberti-behave-turn-rest).
    """
    names = _user_names(servers)
    if not names:
        return None
    times = [name.partition(":")[0] for name in names]
    ends = [int(time) for time in times if time.isdecimal() and len(time) <= TIME_DIGITS]
    return min((max(SOONEST_S, (end - now) / 2) for end in ends), default=REFRESH_AFTER_S)


def _user_names(servers: list[IceServer]) -> list[str]:
    return [server.username for server in servers if server.username is not UNSET]

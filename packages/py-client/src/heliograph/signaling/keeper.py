"""A room that does not end while the worker of its creator serves in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from heliograph.api import Api, Room, RoomDetails
from heliograph.errors import ApiError, HeliographError, RoomExpired, RoomNotFound

__all__ = ["KEPT_TTL_S", "Place", "RoomKeeper"]

log = logging.getLogger(__name__)

KEPT_TTL_S = 7200
"""How long a kept room lasts once nobody keeps it any more; it is extended when half of that is left."""
RETRY_S = 30.0
_LASTING = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
"""After these answers there is no use in asking again: the identity has expired, or the room is not one's own."""


@dataclass(frozen=True, slots=True)
class Place:
    """Who keeps which room."""

    room_id: str
    id_token: str | None = field(repr=False)


class RoomKeeper:
    """Extends a room in time, revives one that has expired, and makes a new one when it is gone."""

    def __init__(
        self, url: str, *, ttl_s: int = KEPT_TTL_S, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._url = url
        self._ttl_s = ttl_s
        self._sleep = sleep
        self._details: RoomDetails | None = None

    async def keep_open(self, where: Callable[[], Place], server_time: Callable[[], Awaitable[int]]) -> None:
        """Extend the room for as long as this runs. Ends when the identity, which may expire, no longer may.

        `where` gives the place each time, with the id token of then. `server_time` gives the server's Unix seconds, as
        this machine's clock may be wrong.
        """
        while True:
            place = where()
            try:
                delay_s = await self._extend(place, server_time)
            except HeliographError as error:
                if isinstance(error, ApiError) and error.status in _LASTING:
                    log.warning("room.not_kept room=%s reason=%s", place.room_id, error)
                    return
                log.info("room.not_extended room=%s reason=%s", place.room_id, error)
                delay_s = RETRY_S
            await self._sleep(delay_s)

    async def rescue(self, place: Place, refusal: RoomExpired | RoomNotFound) -> Room | None:
        """The server lets nobody into the room any more: None if it does again, or the room that takes its place.

        Raises `refusal` if neither can be done by this identity, or another error if it may work later.
        """
        if place.id_token is None:
            raise refusal
        async with Api(self._url) as api:
            try:
                if isinstance(refusal, RoomExpired):
                    self._details = await api.update_room(place.room_id, id_token=place.id_token, ttl_s=self._ttl_s)
                    log.info("room.revived room=%s", place.room_id)
                    return None
            except ApiError as error:
                if error.status not in _LASTING:
                    raise
            return await self._recreate(api, place, refusal)

    async def _extend(self, place: Place, server_time: Callable[[], Awaitable[int]]) -> float:
        """Extend the room if it is time to; seconds until that has to be looked at again."""
        if place.id_token is None:
            raise ApiError(HTTPStatus.UNAUTHORIZED, "There is no identity")
        async with Api(self._url) as api:
            self._details = await api.room(place.room_id, id_token=place.id_token)
            spare_s = self._details.expires_at - await server_time() - self._ttl_s / 2
            if spare_s > 0:
                return spare_s
            self._details = await api.update_room(place.room_id, id_token=place.id_token, ttl_s=self._ttl_s)
            log.info("room.extended room=%s", place.room_id)
            return self._ttl_s / 2

    async def _recreate(self, api: Api, place: Place, refusal: RoomExpired | RoomNotFound) -> Room:
        """Another room like the one that is gone. One that was never seen open may never have been this identity's."""
        known = self._details
        if known is None or place.id_token is None:
            raise refusal
        try:
            room = await api.create_room(
                id_token=place.id_token,
                name=known.name,
                ttl_s=self._ttl_s,
                max_peers=known.max_peers,
                policy=known.policy,
            )
        except ApiError as error:
            if error.status in _LASTING:
                raise refusal from error
            raise
        log.warning("room.recreated room=%s former=%s", room.room_id, place.room_id)
        return room

"""From a server's address to a registered connection: sign in, connect, register; and whether to try again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from msgspec import UNSET

from heliograph.api import Room
from heliograph.config import ServerAddress
from heliograph.errors import (
    ApiError,
    ConfigurationError,
    HeliographError,
    InternalError,
    InvalidIdToken,
    PeerIdTaken,
    RateLimited,
    RoomExpired,
    RoomFull,
    RoomNotFound,
    ServerUnreachable,
    SignalingError,
    SignalingLost,
    StoreUnavailable,
)
from heliograph.events import RoomRecreated
from heliograph.signaling.backoff import Backoff
from heliograph.signaling.core import CoreEvent, RegistrationRefused, SignalingCore
from heliograph.signaling.identity import ClientIdentity, IdTokenSource
from heliograph.signaling.keeper import Place, RoomKeeper
from heliograph.signaling.socket import SignalingSocket
from heliograph.signaling.time_limits import LEAVE_TIMEOUT_S
from heliograph_protocol import Leave, encode

__all__ = ["Connector"]

log = logging.getLogger(__name__)

REGISTER_TIMEOUT_S = 10.0

TAKEN_ATTEMPTS = 12
"""Attempts at a peer id that is taken: the server misses our own dead socket after 45 s at most."""

_PASSING = (ServerUnreachable, SignalingLost, StoreUnavailable, RoomFull, RateLimited, InternalError)
"""What may be over by the next attempt."""


class Connector:
    """Owns the identity and the patience of one client. `clock` gives seconds, `rng` numbers in [0, 1)."""

    def __init__(
        self,
        address: ServerAddress,
        *,
        id_token: str | IdTokenSource | None,
        clock: Callable[[], float],
        rng: Callable[[], float],
        keeper: RoomKeeper | None = None,
    ) -> None:
        self._address = address
        self._keeper = keeper
        self._moved: Room | None = None
        self._backoff = Backoff(clock=clock, rng=rng)
        self._identity = ClientIdentity(address.http_url, id_token)

    @property
    def id_token(self) -> str | None:
        """The present one; None before there is one."""
        return self._identity.token

    async def connect(self, core: SignalingCore) -> tuple[SignalingSocket, list[CoreEvent]]:
        """One attempt: signed in, connected, registered; in a room that is kept, one more if it had ended.

        Gives the socket and what the core made of the server's reply. Raises `ServerUnreachable`, `ApiError`,
        `SignalingLost`, `SignalingClosed`, or the `Refused` that the server answered with.
        """
        try:
            socket, events = await self._connect(core)
        except (RoomExpired, RoomNotFound) as refusal:
            if self._keeper is None:
                raise
            place = Place(core.credentials.room_id, self.id_token)
            if (room := await self._keeper.rescue(place, refusal)) is not None:
                self._moved = room
                core.move(room.room_id, room.token)
            socket, events = await self._connect(core)
        if self._keeper is not None and not self._may_manage(core):
            core.disconnected()
            await self._leave(socket)
            raise ConfigurationError("`keep_room` is for the room's creator: its `id_token` is needed")
        if self._moved is not None:
            events = [RoomRecreated(self._moved), *events]
            self._moved = None
        return socket, events

    async def keep(self, core: SignalingCore, server_time: Callable[[], Awaitable[int]]) -> None:
        """Renew the identity while the peer is in its room, and extend the room if that is wanted."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._identity.keep(), name="renew the id token")
            if self._keeper is not None:
                keeping = self._keeper.keep_open(lambda: Place(core.credentials.room_id, self.id_token), server_time)
                group.create_task(keeping, name="extend the room")

    async def _connect(self, core: SignalingCore) -> tuple[SignalingSocket, list[CoreEvent]]:
        """Signing in and connecting go on side by side."""
        opening = asyncio.create_task(SignalingSocket.open(self._address), name="open the signaling socket")
        try:
            if self.id_token is None and self._identity.signs_in:
                core.new_identity()
            id_token = await self._identity.get()
            socket = await opening
        except BaseException:
            opening.cancel()
            await asyncio.wait([opening])
            if not opening.cancelled() and opening.exception() is None:
                await opening.result().close()
            raise
        try:
            async with asyncio.timeout(REGISTER_TIMEOUT_S):
                events = await self._register(core, socket, id_token)
        except TimeoutError as error:
            await self._leave(socket)
            raise SignalingLost(f"The server did not answer the registration in {REGISTER_TIMEOUT_S:g} s") from error
        except asyncio.CancelledError:
            await self._leave(socket)
            raise
        except BaseException:
            await socket.close()
            raise
        self._backoff.connected()
        return socket, events

    async def connect_again(self, core: SignalingCore) -> tuple[SignalingSocket, list[CoreEvent]]:
        """Attempts, with growing and random pauses, until one succeeds. Raises the error after which none would."""
        while True:
            await asyncio.sleep(self._backoff.next_delay_s())
            try:
                return await self.connect(core)
            except HeliographError as error:
                if not self._may_pass(error):
                    raise
                log.info("signaling.reconnect_failed reason=%s", error)

    async def _register(self, core: SignalingCore, socket: SignalingSocket, id_token: str) -> list[CoreEvent]:
        await socket.send(core.register(id_token))
        while True:
            events = core.receive(await socket.receive())
            if core.online:
                self._identity.accepted()
                return events
            for event in events:
                if isinstance(event, RegistrationRefused):
                    if isinstance(event.error, InvalidIdToken):
                        self._identity.refused()
                    raise event.error

    @staticmethod
    async def _leave(socket: SignalingSocket) -> None:
        """Close, having given up: the server may have let this peer in, and would keep its place for it."""
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await socket.send(encode(Leave()))
        except (SignalingError, TimeoutError) as error:
            log.debug("signaling.not_left reason=%s", error)
        finally:
            await socket.close()

    @staticmethod
    def _may_manage(core: SignalingCore) -> bool:
        registered = core.registered
        return registered is not None and registered.grants is not UNSET and "manage" in registered.grants

    def _may_pass(self, error: HeliographError) -> bool:
        match error:
            case InvalidIdToken():
                return self._identity.may_change
            case ApiError(status=status):
                return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
            case PeerIdTaken():
                return self._backoff.failures <= TAKEN_ATTEMPTS
            case _:
                return isinstance(error, _PASSING)

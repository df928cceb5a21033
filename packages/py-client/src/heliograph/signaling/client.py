"""The signaling client: the shell around the core that signs in, connects, and connects again."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar

from heliograph.api import Api
from heliograph.config import ServerAddress, random_peer_id, settings
from heliograph.errors import (
    ApiError,
    HeliographError,
    InternalError,
    InvalidIdToken,
    PeerIdTaken,
    RateLimited,
    RoomFull,
    ServerUnreachable,
    SignalingClosed,
    SignalingError,
    SignalingLost,
    StoreUnavailable,
)
from heliograph.events import Disconnected, PeerSignal, Registered, ServerComplaint, SignalingEvent, SignalRefused
from heliograph.signaling.backoff import Backoff
from heliograph.signaling.core import Credentials, RegistrationRefused, Replied, RequestRefused, SignalingCore
from heliograph.signaling.questions import Answer, Questions
from heliograph.signaling.signals import SendsSignals
from heliograph.signaling.socket import SignalingSocket

__all__ = ["SignalingClient"]

log = logging.getLogger(__name__)
T = TypeVar("T")

REGISTER_TIMEOUT_S = 10.0
RECONNECT_WAIT_S = 10.0
"""How long a signal waits for the socket to come back before it is given up."""
EVENT_QUEUE_SIZE = 1024
"""Events not yet read. When it is full the socket is not read either, and the server sees a slow receiver."""

TAKEN_ATTEMPTS = 12
"""Attempts at a peer id that is taken: the server misses our own dead socket after 45 s at most."""

_PASSING = (ServerUnreachable, SignalingLost, StoreUnavailable, RoomFull, RateLimited, InternalError)
"""What may be over by the next attempt."""


class SignalingClient(SendsSignals):
    """A registered peer of a room. An async context manager; iterating over it gives `SignalingEvent`s.

    Entering signs in (unless there is an `id_token`), connects and registers; it raises `ServerUnreachable`, `ApiError`
    or the `Refused` that the server answered with. When the socket drops later, the client connects and registers again
    under the same id until that is no use any more; the iterator then raises the reason. It ends when the client is
    closed. One task may iterate.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        room: str | None = None,
        token: str | None = None,
        peer_id: str | None = None,
        role: str = "peer",
        id_token: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._address = ServerAddress.parse(url or settings().url)
        room_id, room_token = self._address.room(room, token)
        self._credentials = Credentials(room_id, room_token, peer_id or random_peer_id("Peer"), role)
        self._id_token = id_token
        self._signs_in = id_token is None
        self._backoff = Backoff(clock=clock, rng=rng)
        self._core = SignalingCore(self._credentials)
        self._socket: SignalingSocket | None = None
        self._online = asyncio.Event()
        self._over: HeliographError | None = None
        self._closing = False
        self._questions = Questions()
        self._events: asyncio.Queue[SignalingEvent | None] = asyncio.Queue(EVENT_QUEUE_SIZE)
        self._running: asyncio.Task[None] | None = None

    @property
    def peer_id(self) -> str:
        """This peer's id in the room."""
        return self._credentials.peer_id

    @property
    def room_id(self) -> str:
        """The room."""
        return self._credentials.room_id

    @property
    def id_token(self) -> str | None:
        """The token that this client signed in with; None before it has."""
        return self._id_token

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Sign in, connect and register; see the class for what it raises."""
        await self._connect()
        await self._events.put(Registered(room_id=self.room_id, peer_id=self.peer_id))
        self._running = asyncio.create_task(self._run(), name=f"signaling of {self.peer_id}")

    async def close(self) -> None:
        """Leave the room and close the socket. Safe to repeat."""
        self._closing = True
        self._online.clear()
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
        if self._socket is not None:
            await self._socket.close()
        self._questions.refuse_all(SignalingLost("This client was closed"))
        self._end_events()

    async def send_signal(self, signal: PeerSignal) -> None:
        """Send a signal to its target, waiting 10 s at most for the socket if it has dropped."""
        socket = await self._ready()
        await socket.send(self._core.signal(signal))

    async def query(self) -> list[str]:
        """The ids of the peers in the room, this one included."""
        value = await self._ask(SignalingCore.query)
        return value if isinstance(value, list) else []

    async def ping(self) -> int:
        """The server's clock, in Unix seconds."""
        value = await self._ask(SignalingCore.ping)
        return value if isinstance(value, int) else 0

    def __aiter__(self) -> AsyncIterator[SignalingEvent]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[SignalingEvent]:
        while (event := await self._events.get()) is not None:
            yield event
        self._end_events()  # for whoever iterates again
        if self._over is not None:
            raise self._over
        if self._running is not None and self._running.done() and not self._running.cancelled():
            self._running.result()

    async def _connect(self) -> None:
        """One attempt: signed in, connected, registered. Signing in and connecting go on side by side."""
        opening = asyncio.create_task(SignalingSocket.open(self._address), name="open the signaling socket")
        try:
            if self._id_token is None:
                async with Api(self._address.http_url) as api:
                    self._id_token = (await api.sign_in()).id_token
            self._socket = await opening
        except BaseException:
            opening.cancel()
            await asyncio.wait([opening])
            if not opening.cancelled() and opening.exception() is None:
                await opening.result().close()
            raise
        self._core = SignalingCore(self._credentials)
        try:
            async with asyncio.timeout(REGISTER_TIMEOUT_S):
                await self._register(self._socket, self._id_token)
        except TimeoutError as error:
            await self._socket.close()
            raise SignalingLost(f"The server did not answer the registration in {REGISTER_TIMEOUT_S:g} s") from error
        except BaseException:
            await self._socket.close()
            raise
        self._backoff.connected()
        self._online.set()

    async def _register(self, socket: SignalingSocket, id_token: str) -> None:
        await socket.send(self._core.register(id_token))
        while not self._core.registered:
            event = self._core.receive(await socket.receive())
            if isinstance(event, RegistrationRefused):
                if isinstance(event.error, InvalidIdToken) and self._signs_in:
                    self._id_token = None
                raise event.error

    async def _run(self) -> None:
        """Read until the client is closed or there is no use in connecting again."""
        try:
            while self._over is None:
                try:
                    await self._read()
                except SignalingLost as error:
                    await self._dropped(error)
                    await self._reconnect()
        except SignalingClosed as error:
            self._finish(error)
        finally:
            self._end_events()

    async def _read(self) -> None:
        while self._socket is not None:
            event = self._core.receive(await self._socket.receive())
            match event:
                case None | RegistrationRefused():
                    pass
                case Replied(ref=ref, value=value):
                    self._questions.answer(ref, value)
                case RequestRefused(ref=ref, error=error):
                    self._questions.refuse(ref, error)
                case Registered():
                    log.debug("signaling.registered_again peer=%s", self.peer_id)
                case SignalRefused() | ServerComplaint() | _:
                    await self._events.put(event)

    async def _dropped(self, cause: SignalingLost) -> None:
        log.info("signaling.disconnected peer=%s reason=%s", self.peer_id, cause)
        self._online.clear()
        self._questions.refuse_all(cause)
        if self._socket is not None:
            await self._socket.close()
        await self._events.put(Disconnected(cause))

    async def _reconnect(self) -> None:
        while True:
            await asyncio.sleep(self._backoff.next_delay_s())
            try:
                await self._connect()
            except HeliographError as error:
                if self._may_pass(error):
                    log.info("signaling.reconnect_failed peer=%s reason=%s", self.peer_id, error)
                    continue
                self._finish(error)
                return
            log.info("signaling.reconnected peer=%s", self.peer_id)
            await self._events.put(Registered(room_id=self.room_id, peer_id=self.peer_id))
            return

    def _may_pass(self, error: HeliographError) -> bool:
        match error:
            case InvalidIdToken():
                return self._signs_in
            case ApiError(status=status):
                return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
            case PeerIdTaken():
                return self._backoff.failures <= TAKEN_ATTEMPTS
            case _:
                return isinstance(error, _PASSING)

    def _finish(self, error: HeliographError) -> None:
        log.warning("signaling.over peer=%s reason=%s", self.peer_id, error)
        self._over = error
        self._online.set()  # whoever waits for it learns that it is over
        self._questions.refuse_all(error if isinstance(error, SignalingError) else SignalingLost(str(error)))

    async def _ask(self, question: Callable[[SignalingCore], tuple[int, bytes]]) -> Answer:
        socket = await self._ready()
        core = self._core
        ref, frame = question(core)
        try:
            async with self._questions.asked(ref) as answer:
                await socket.send(frame)
                return await answer
        finally:
            core.forget(ref)

    async def _ready(self) -> SignalingSocket:
        if self._closing:
            raise SignalingLost("This client is closed")
        try:
            async with asyncio.timeout(RECONNECT_WAIT_S):
                await self._online.wait()
        except TimeoutError as error:
            raise SignalingLost("Not connected to the signaling server") from error
        if self._over is not None:
            raise self._over
        if self._socket is None or self._closing:
            raise SignalingLost("This client is closed")
        return self._socket

    def _end_events(self) -> None:
        while self._events.full():  # nobody reads them any more, or not in time to act on them
            self._events.get_nowait()
        self._events.put_nowait(None)

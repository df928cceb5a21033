"""The signaling client: the shell around the core that connects, sends and reads, and connects again."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from heliograph.config import ServerAddress, random_peer_id, settings
from heliograph.errors import (
    DeliveryUnknown,
    HeliographError,
    RequestTimeout,
    SignalingError,
    SignalingLost,
    UnsupportedByServer,
)
from heliograph.events import Disconnected, PeerSignal, Registered, SignalingEvent
from heliograph.labels import Strings, strings
from heliograph.signaling.asks import Asks
from heliograph.signaling.claims import Claim, Claims
from heliograph.signaling.connector import Connector
from heliograph.signaling.core import (
    CoreEvent,
    Credentials,
    RegistrationRefused,
    Replied,
    RequestRefused,
    SignalingCore,
)
from heliograph.signaling.event_queue import EventQueue
from heliograph.signaling.ice import FreshIceServers
from heliograph.signaling.identity import IdTokenSource
from heliograph.signaling.keeper import RoomKeeper
from heliograph.signaling.outbox import Outbound, Question
from heliograph.signaling.progress import Progress
from heliograph.signaling.questions import Questions
from heliograph.signaling.roster import Roster
from heliograph.signaling.socket import SignalingSocket, foremost
from heliograph.signaling.time_limits import FLUSH_TIMEOUT_S, LEAVE_TIMEOUT_S, REQUEST_TIMEOUT_S, ROOM_TIMEOUT_S
from heliograph_protocol import (
    ClaimPeer,
    ClaimReleased,
    IceServer,
    Leave,
    Message,
    Metadata,
    PeerClaimed,
    PeerMessage,
    Ping,
    Query,
    RegisteredAuth,
    ReleaseClaim,
    Report,
)

__all__ = ["REQUEST_TIMEOUT_S", "SignalingClient"]

log = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)


class SignalingClient(Asks):
    """A registered peer of a room. An async context manager; iterating over it gives `SignalingEvent`s, to one task.

    Entering signs in (unless there is an `id_token`), connects and registers; it raises `ServerUnreachable`, `ApiError`
    or the `Refused` that the server answered with. When the socket drops later, the client connects again and resumes:
    nothing is lost and nothing comes twice. Where the session is gone it registers anew under the same id. What is sent
    meanwhile is queued, 256 messages or 1 MiB at most. When all this is no use any more the iterator raises the reason.

    `tags` and `properties` are what this peer says of itself; without `groups` it is in its token's, or in `default`.
    With `keep_room` the room does not end while this peer is in it: see `Worker`.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        room: str | None = None,
        token: str | None = None,
        peer_id: str | None = None,
        role: str = "peer",
        tags: Strings = (),
        properties: Mapping[str, Any] | None = None,
        groups: Strings | None = None,
        id_token: str | IdTokenSource | None = None,
        keep_room: bool = False,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._address = ServerAddress.parse(url or settings().url)
        room_id, room_token = self._address.room(room, token)
        credentials = Credentials(
            room_id,
            room_token,
            peer_id or random_peer_id("Peer"),
            role,
            Metadata(tags=strings(tags), properties=dict(properties or {})),
            None if groups is None else tuple(strings(groups)),
        )
        keeper = RoomKeeper(self._address.http_url) if keep_room else None
        self._connector = Connector(self._address, id_token=id_token, clock=clock, rng=rng, keeper=keeper)
        self._core = SignalingCore(credentials, clock)
        self._ice = FreshIceServers(self._address.http_url)
        self._claims = Claims(self._release)
        self._questions = Questions(self._unwanted)
        self._socket: SignalingSocket | None = None
        self._wake = asyncio.Event()
        self._progress = Progress()
        self._over: HeliographError | None = None
        self._closing = False
        self._events = EventQueue()
        self._running: asyncio.Task[None] | None = None

    @property
    def peer_id(self) -> str:
        """This peer's id in the room."""
        return self._core.credentials.peer_id

    @property
    def room_id(self) -> str:
        """The room."""
        return self._core.credentials.room_id

    @property
    def id_token(self) -> str | None:
        """The id token, which may be another one later; None before there is one."""
        return self._connector.id_token

    @property
    def registered(self) -> RegisteredAuth | None:
        """The server's last reply to `register`; None before the first."""
        return self._core.registered

    @property
    def roster(self) -> Roster:
        """The peers in sight, kept up to date."""
        return self._core.roster

    @property
    def ice_servers(self) -> list[IceServer]:
        """The server's STUN and TURN servers, with credentials that are good for a while yet."""
        return self._core.ice_servers

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Sign in, connect and register; see the class for what it raises."""
        self._socket, events = await self._connector.connect(self._core)
        for event in events:
            self._take(event)
        self._running = asyncio.create_task(self._run(self._socket), name=f"signaling of {self.peer_id}")
        if self._closing:  # meanwhile, by another task
            await self.close()
            raise SignalingLost("This client was closed")

    async def close(self) -> None:
        """Leave the room and close the socket, within about 2 s. Safe to repeat, and to cancel."""
        self._closing = True
        running = self._running
        try:
            if running is not None and not running.done():
                await self._say_goodbye(running)
        finally:
            if running is not None:
                running.cancel()
                await asyncio.wait([running])
            if self._socket is not None:
                await self._socket.close()
            self._questions.refuse_all(SignalingLost("This client was closed"))
            self._claims.lose_all()
            self._events.end()

    async def send(self, message: Outbound, *, always: bool = False) -> int:
        """Queue a message for the server, and return its ref. Waits for room only while the client is online.

        Raises `SendQueueFull`, `MessageTooBig`, `UnsupportedByServer`, or what ended the registration.
        """
        self._check()
        if self._core.level == 1 and not isinstance(message, PeerSignal | Query | Ping):
            raise UnsupportedByServer("The server speaks level 1 of the protocol only")
        await self._progress.until(lambda: always or self._core.has_room or not self._core.online, ROOM_TIMEOUT_S)
        self._check()
        ref = self._core.put(message, always=always)
        self._wake.set()
        return ref

    async def wait_online(self) -> None:
        """Wait for the socket to the server. Raises what ended the registration."""
        await self._progress.until(lambda: self._core.online or self._over is not None or self._closing, None)
        self._check()

    async def send_signal(self, signal: PeerSignal) -> None:
        """Queue a signal for its target. See `send`."""
        await self.send(signal)

    def tell(self, report: Report) -> None:
        """See `SendsSignals`."""
        if self._core.online and self._core.level > 1 and self._core.has_room and not self._closing:
            self._core.put(report)
            self._wake.set()

    async def ask(self, question: Question | PeerMessage, kind: type[M], *, timeout_s: float = REQUEST_TIMEOUT_S) -> M:
        """Send a question, or a message, and wait for the answer to it, or its ack, which is of that kind.

        Raises the `Refused` of the server, `RequestTimeout`, `DeliveryUnknown`, or what `send` raises.
        """
        answer = await self._answer(question, timeout_s)
        if not isinstance(answer, kind):
            raise SignalingError(f"The server answered with {type(answer).__name__}, not {kind.__name__}")
        return answer

    async def claim(self, request: ClaimPeer) -> Claim:
        """Claim a peer. Raises `NoPeerAvailable`, or as `ask` does. Cancelled, it gives back what it gets."""
        ref = await self.send(request)
        try:
            claim = await self._questions.wait(ref, request.wait_s + REQUEST_TIMEOUT_S)
        except (TimeoutError, asyncio.CancelledError) as error:
            self._withdraw(ref)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise RequestTimeout("The server did not answer the claim in time") from error
        if not isinstance(claim, Claim):
            raise SignalingError(f"The server answered a claim with {type(claim).__name__}")
        return claim

    def __aiter__(self) -> AsyncIterator[SignalingEvent]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[SignalingEvent]:
        async for event in self._events.read():
            yield event
        if self._running is not None and self._running.done() and not self._running.cancelled():
            self._running.result()
        if self._over is not None:
            raise self._over

    async def _run(self, socket: SignalingSocket) -> None:
        """Send and read until the client is closed or there is no use in connecting again."""
        try:
            while True:
                try:
                    await self._converse(socket)
                except SignalingLost as error:
                    await self._dropped(socket, error)
                if self._closing:
                    return
                socket, events = await self._connector.connect_again(self._core)
                self._socket = socket
                self._progress.made()
                log.info("signaling.reconnected peer=%s", self.peer_id)
                for event in events:
                    self._take(event)
        except HeliographError as error:
            self._finish(error)
        except Exception as error:
            log.exception("signaling.failed peer=%s", self.peer_id)
            self._finish(SignalingLost(f"This client failed: {error!r}"))
            raise
        finally:
            self._core.disconnected()
            self._progress.made()
            self._events.end()

    async def _converse(self, socket: SignalingSocket) -> None:
        """Until the connection ends; raises why it did."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(socket), name=f"signals to {self.peer_id}")
                group.create_task(self._write(socket), name=f"signals of {self.peer_id}")
                group.create_task(self._ice.keep_fresh(self._core, self._connector))
                group.create_task(self._connector.keep(self._core, self.ping))
        except BaseExceptionGroup as errors:
            raise foremost(errors) from None

    async def _read(self, socket: SignalingSocket) -> None:
        while True:
            await self._events.wait_for_room()
            for event in self._core.receive(await socket.receive()):
                self._take(event)  # with no wait after it was counted, so that nothing is lost if this is cancelled
            self._wake.set()  # an answer makes room for the next message, a message asks to be confirmed

    async def _write(self, socket: SignalingSocket) -> None:
        while True:
            self._wake.clear()
            while (frame := self._core.take()) is not None:
                await socket.send(frame)
                self._progress.made()
            try:
                async with asyncio.timeout(self._core.delay_s()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _take(self, event: CoreEvent) -> None:
        match event:
            case Replied(ref=ref, reply=PeerClaimed() as claimed):
                claim = self._claims.add(claimed)
                if not self._questions.answer(ref, claim):
                    self._give_back(claim)
            case Replied(ref=ref, reply=reply):
                self._questions.answer(ref, reply)
            case RequestRefused(ref=ref, error=error):
                if not self._questions.refuse(ref, error) and event.event is not None:
                    self._events.put(event.event)
            case RegistrationRefused():
                log.warning("signaling.unexpected peer=%s code=%s", self.peer_id, event.error.code)
            case Registered() if not event.resumed:
                self._claims.lose_all()
                self._events.put(event)
            case ClaimReleased(claim_id=claim_id, reason=str(reason)):
                self._claims.end(claim_id, reason)
                self._events.put(event)
            case _:
                self._events.put(event)

    async def _dropped(self, socket: SignalingSocket, cause: SignalingLost) -> None:
        log.info("signaling.disconnected peer=%s reason=%s", self.peer_id, cause)
        self._core.disconnected()
        self._progress.made()
        await socket.close()
        await self._events.wait_for_room()
        self._events.put(Disconnected(cause))

    def _finish(self, error: HeliographError) -> None:
        log.warning("signaling.over peer=%s reason=%s", self.peer_id, error)
        self._over = error
        self._claims.lose_all()
        self._questions.refuse_all(error if isinstance(error, SignalingError) else SignalingLost(str(error)))

    async def _answer(self, question: Question | PeerMessage, timeout_s: float) -> Any:
        releases = isinstance(question, ReleaseClaim)  # which has to reach the server, whoever waits for the answer
        ref = await self.send(question, always=releases)
        try:
            return await self._questions.wait(ref, timeout_s)
        except (TimeoutError, asyncio.CancelledError) as error:
            never_sent = not releases and self._withdraw(ref)
            if isinstance(error, asyncio.CancelledError):
                raise
            if not isinstance(question, PeerMessage):
                raise RequestTimeout(f"The server did not answer in {timeout_s:g} s") from error
            if never_sent:
                raise SignalingLost("Not connected to the signaling server; the message was not sent") from error
            raise DeliveryUnknown(f"The server did not say in {timeout_s:g} s what became of it") from error

    def _withdraw(self, ref: int) -> bool:
        """Nobody waits for this any more. Whether it was never sent, and now never will be."""
        never_sent = self._core.withdraw(ref)
        self._progress.made()
        return never_sent

    async def _release(self, claim: Claim) -> None:
        """Give a claimed peer back; it counts as released at once, whatever becomes of the connection."""
        self._claims.end(claim.claim_id, "released")
        try:
            await self.ask(ReleaseClaim(claim_id=claim.claim_id), ClaimReleased)
        except SignalingError as error:  # it is over by itself then: with the session, or at its time
            log.info("claim.not_released peer=%s reason=%s", claim.peer_id, error)

    def _give_back(self, claim: Claim) -> None:
        """Release a claim that nobody waits for any more."""
        self._claims.end(claim.claim_id, "released")
        if self._over is None and not self._closing:
            self._core.put(ReleaseClaim(claim_id=claim.claim_id), always=True)
            self._wake.set()

    def _unwanted(self, answer: object) -> None:
        if isinstance(answer, Claim):
            self._give_back(answer)

    def _check(self) -> None:
        if self._over is not None:
            raise self._over
        if self._closing or self._running is None:
            raise SignalingLost("This client is not open")

    async def _say_goodbye(self, running: asyncio.Task[None]) -> None:
        """Send what waits, and `leave`, so that nobody waits for this peer to come back."""
        if self._core.level > 1:
            self._core.put(Leave(), always=True)
        elif not self._core.online:
            return
        self._wake.set()
        if not await self._progress.until(lambda: self._core.all_sent or running.done(), FLUSH_TIMEOUT_S):
            log.info("signaling.not_all_sent peer=%s", self.peer_id)
            self._core.leave_at_once()
            self._wake.set()
            await self._progress.until(lambda: self._core.all_sent or running.done(), LEAVE_TIMEOUT_S)

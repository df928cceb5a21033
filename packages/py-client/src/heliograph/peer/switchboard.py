"""Which signal belongs to which connection: one switchboard for each registered peer."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, assert_never

from msgspec import UNSET

from heliograph.errors import AlreadyConnected, HeliographError, PeerNotFound, SignalingLost
from heliograph.event_stream import EventStream
from heliograph.events import RoomEvent, ServerComplaint, SignalingEvent, SignalRefused
from heliograph.peer.attempt import Signals
from heliograph.peer.connection import CONNECT_TIMEOUT_S, Connection
from heliograph.peer.ice_servers import UsableIceServers
from heliograph.peer.link import REDIAL_TIMEOUT_S
from heliograph.refusals import peer_refusal
from heliograph.rpc.methods import Methods
from heliograph_protocol import Answer, Candidate, ErrorCode, ErrorMessage, Offer, PeerLeft, Quit
from heliograph_protocol.liveness import read_session

__all__ = ["Refusal", "Signaling", "Switchboard"]

log = logging.getLogger(__name__)


MAX_OVER = 256
"""Sessions that have ended, and whose redials are refused."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an offer is not answered: the fields of the `error` signal."""

    code: str
    reason: str
    message: str


_CLOSED = Refusal(code="CONNECTION_CLOSED", reason="connection_closed", message="This side has ended the connection")


class Signaling(Signals, Protocol):
    """What is used of a `SignalingClient`; `heliograph.testing` has another one."""

    @property
    def peer_id(self) -> str: ...
    async def error(
        self, target: str, *, code: str, reason: str = "", message: str = "", connection_id: str | None = None
    ) -> None: ...
    def __aiter__(self) -> AsyncIterator[SignalingEvent]: ...


class Switchboard:
    """Owns the connections of one registered peer; there is one with each other peer at most.

    `admit` says whether a peer's offer is answered: None for yes. `serve` gets each connection that came about that
    way and has it until it returns; then the connection is closed. `ice_servers` gives those for the next connection,
    `events` gets everything that is not about connections, and `methods` are those that every peer may call.
    """

    def __init__(
        self,
        signaling: Signaling,
        *,
        ice_servers: Callable[[], UsableIceServers],
        admit: Callable[[str], Refusal | None],
        serve: Callable[[Connection], Awaitable[None]],
        events: EventStream[RoomEvent] | None = None,
        methods: Methods | None = None,
        timeout_s: float = CONNECT_TIMEOUT_S,
        redial_timeout_s: float = REDIAL_TIMEOUT_S,
        relay_only: bool = False,
    ) -> None:
        self._signaling = signaling
        self._ice_servers = ice_servers
        self._admit = admit
        self._serve = serve
        self._events: EventStream[RoomEvent] = events or EventStream()
        self._methods = methods
        self._timeout_s = timeout_s
        self._redial_timeout_s = redial_timeout_s
        self._relay_only = relay_only
        self._over: deque[str] = deque(maxlen=MAX_OVER)
        self._connections: dict[str, Connection] = {}
        self._glare: dict[str, asyncio.Future[tuple[Connection, str]]] = {}
        self._group: asyncio.TaskGroup | None = None

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections that are open or being made."""
        return tuple(connection for connection in self._connections.values() if not connection.is_over)

    async def run(self) -> None:
        """Route signals until the signaling client ends; then wait until the last connection has.

        Cancelled, it closes every connection. Raises what ended the signaling.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                failure = await self._route(self._group)
                for connection in self.connections:
                    connection.link.forbid_redial()
            if failure is not None:
                raise failure
        finally:
            self._group = None
            self._events.end(None)
            closing = [asyncio.ensure_future(connection.close()) for connection in self._connections.values()]
            if closing:
                await asyncio.wait(closing)

    def prepare(self, peer_id: str) -> Connection:
        """A connection to `dial` with. It starts to gather at once, even before this peer is registered."""
        connection = self._make(peer_id, secrets.token_hex(8))
        connection.prepare()
        return connection

    async def dial(self, connection: Connection) -> Connection:
        """Offer the prepared connection to its peer and wait until it is open.

        When both peers offer at once, the one with the smaller id answers instead; then it is that connection which is
        returned. Raises `AlreadyConnected`, or what `Connection.establish` raises.
        """
        peer_id = connection.peer_id
        former = self._connections.get(peer_id)
        if former is not None and not former.is_over:
            await connection.close()
            raise AlreadyConnected(peer_id, f"There is a connection to {peer_id} already")
        self._connections[peer_id] = connection
        glare = self._glare[peer_id] = asyncio.get_running_loop().create_future()
        establishing = asyncio.ensure_future(connection.establish())
        try:
            await asyncio.wait([establishing, glare], return_when=asyncio.FIRST_COMPLETED)
            if glare.done():
                await self._cancel(establishing)
                await connection.close()
                connection, sdp = glare.result()
                await connection.accept(sdp)
            else:
                establishing.result()
            return self._watch(connection)
        except BaseException:
            await self._cancel(establishing)
            self._forget(connection)
            await connection.close()
            raise
        finally:
            self._glare.pop(peer_id, None)

    async def _route(self, group: asyncio.TaskGroup) -> HeliographError | None:
        failure = None
        try:
            async for event in self._signaling:
                self._dispatch(event, group)
        except HeliographError as error:
            failure = error
        except Exception as error:
            self._events.end(SignalingLost(f"This client failed: {error!r}"))
            raise
        self._events.end(failure)
        return failure

    def _dispatch(self, event: SignalingEvent, group: asyncio.TaskGroup) -> None:
        match event:
            case Offer():
                self._on_offer(event, group)
            case Answer() | Candidate() | Quit() | ErrorMessage():
                if connection := self._find(event):
                    self._hand_on(event, connection)
            case SignalRefused():
                connection = self._connections.get(event.target)
                if connection is not None and connection.connection_id == event.connection_id:
                    connection.take_refusal(event.error)
            case _:
                if isinstance(event, PeerLeft):
                    self._on_left(event)
                if isinstance(event, ServerComplaint):
                    log.warning("signaling.complaint peer=%s code=%s", self._signaling.peer_id, event.error.code)
                self._events.put(event)

    def _on_left(self, left: PeerLeft) -> None:
        """A dial to somebody who has left is over. A path that stands may go on: it needs no server."""
        peer_id = left.peer.peer_id
        connection = self._connections.get(peer_id)
        if connection is not None and peer_id in self._glare and left.reason != "replaced":
            words = f"{peer_id} left the room before it answered"
            connection.take_refusal(PeerNotFound(words, code=ErrorCode.PEER_NOT_FOUND))

    @staticmethod
    def _hand_on(signal: Answer | Candidate | Quit | ErrorMessage, connection: Connection) -> None:
        match signal:
            case Answer():
                connection.take_answer(signal.sdp)
            case Candidate():
                connection.take_candidate(signal.candidate)
            case Quit():
                connection.take_quit()
            case ErrorMessage():
                connection.take_refusal(peer_refusal(connection.peer_id, signal))
            case _:
                assert_never(signal)

    def _on_offer(self, offer: Offer, group: asyncio.TaskGroup) -> None:
        peer_id = str(offer.sender)
        connection_id = _text(offer.connection_id)
        former = self._connections.get(peer_id)
        line = read_session(offer.sdp)
        if line is not None and line.number > 0:
            if former is not None and former.link.takes(line):
                group.create_task(former.link.answer_again(offer.sdp, connection_id, line))
                return
            if line.session in self._over:
                group.create_task(self._refuse(peer_id, connection_id, _CLOSED))
                return
        if former is not None and former.link.is_redialling and self._signaling.peer_id > peer_id:
            return  # impolite: the other side was started anew and dials too; it drops its offer and answers ours
        glare = self._glare.get(peer_id)
        if glare is not None:
            if self._signaling.peer_id > peer_id or glare.done():
                return  # impolite: the other side drops its offer and answers ours
        elif refusal := self._admit(peer_id):
            log.info("peer.refused peer=%s code=%s", peer_id, refusal.code)
            group.create_task(self._refuse(peer_id, connection_id, refusal))
            return
        connection = self._connections[peer_id] = self._make(peer_id, connection_id)
        if glare is not None:
            glare.set_result((connection, offer.sdp))
            return
        if former is not None:  # the peer has started anew, so it has given up what was there
            group.create_task(former.close())
        group.create_task(self._answer(connection, offer.sdp))

    async def _answer(self, connection: Connection, sdp: str) -> None:
        try:
            await connection.accept(sdp)
            log.info("peer.connected peer=%s", connection.peer_id)
            await self._serve(connection)
        except HeliographError as error:
            log.info("peer.not_connected peer=%s reason=%s", connection.peer_id, error)
        except Exception:  # whatever one peer brings about, the others are served on
            log.exception("peer.failed peer=%s", connection.peer_id)
        finally:
            self._forget(connection)
            await connection.close()
            log.info("peer.closed peer=%s", connection.peer_id)

    def _watch(self, connection: Connection) -> Connection:
        """See to it that a dialled connection is closed here too when the other side closes it."""
        if self._group is not None:
            self._group.create_task(self._close_after(connection))
        return connection

    async def _close_after(self, connection: Connection) -> None:
        await connection.wait_closed()
        self._forget(connection)
        await connection.close()

    async def _refuse(self, peer_id: str, connection_id: str | None, refusal: Refusal) -> None:
        try:
            await self._signaling.error(
                peer_id,
                code=refusal.code,
                reason=refusal.reason,
                message=refusal.message,
                connection_id=connection_id,
            )
        except HeliographError as error:
            log.info("peer.refusal_not_sent peer=%s reason=%s", peer_id, error)

    def _find(self, signal: Answer | Candidate | Quit | ErrorMessage) -> Connection | None:
        """The connection that a signal is about. Without a connection id it is the sender's current one."""
        connection = self._connections.get(str(signal.sender))
        connection_id = _text(signal.connection_id)
        if connection is None or connection_id in {None, connection.connection_id}:
            return connection
        return connection if isinstance(signal, Quit) and connection.link.had(connection_id) else None

    def _make(self, peer_id: str, connection_id: str | None) -> Connection:
        return Connection(
            peer_id,
            signals=self._signaling,
            connection_id=connection_id,
            ice_servers=self._ice_servers,
            methods=self._methods,
            timeout_s=self._timeout_s,
            redial_timeout_s=self._redial_timeout_s,
            relay_only=self._relay_only,
        )

    def _forget(self, connection: Connection) -> None:
        self._over.append(connection.link.session)
        if self._connections.get(connection.peer_id) is connection:
            del self._connections[connection.peer_id]

    @staticmethod
    async def _cancel(task: asyncio.Future[None]) -> None:
        task.cancel()
        await asyncio.wait([task])


def _text(value: object) -> str | None:
    return None if value is UNSET or not isinstance(value, str) else value

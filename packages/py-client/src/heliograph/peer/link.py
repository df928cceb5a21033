"""The path that a connection has, and the next one when it is lost: dialled again, or waited for."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from aiortc import RTCDataChannel

from heliograph.errors import (
    ConnectError,
    ConnectionLost,
    HeliographError,
    NotPermitted,
    PeerRefused,
    RedialFailed,
    SignalingClosed,
)
from heliograph.peer.attempt import Attempt, Parts
from heliograph.peer.liveness import LOST_AFTER_S, watch
from heliograph.peer.report import ConnectReport
from heliograph.peer.transport import RtcTransport
from heliograph_protocol import Report
from heliograph_protocol.liveness import MAX_ATTEMPTS, SessionLine, read_session

__all__ = ["REDIAL_TIMEOUT_S", "Link", "LinkOwner"]

log = logging.getLogger(__name__)

REDIAL_TIMEOUT_S = 30.0
REDIAL_ATTEMPT_S = 8.0
"""How long one attempt at another path may take: the next one has newer candidates."""
REDIAL_PAUSE_S = 0.1
MAX_REDIAL_PAUSE_S = 2.0
REOPEN_TIMEOUT_S = 15.0
"""How long the other side may take to open again the channels that it had opened."""
MAX_IDS = 8
"""Of a connection's former attempts, so that a `quit` for one of them is understood."""

_FINAL = (PeerRefused, SignalingClosed, NotPermitted)
"""After these, redialling is no use."""


class LinkOwner(Protocol):
    """What a link tells its connection."""

    def on_channel(self, rtc: RTCDataChannel) -> None:
        """The other side has opened a channel, or opened it again."""

    def on_path(self, path: RtcTransport, *, kept: bool) -> None:
        """There is another path. Whether the other side has `kept` the connection is in its answer."""

    def on_stranger(self) -> None:
        """The other side has answered a redial, and knows nothing of the connection. It may open channels next."""

    def on_reopened(self) -> None:
        """By now the other side has opened again what it will."""

    def on_lost(self, cause: HeliographError) -> None:
        """The path is lost, and another one is being made."""

    def on_lost_again(self) -> None:
        """So is what was to be the next path."""

    def on_over(self, failure: HeliographError | None) -> None:
        """There is no path, and there will be none."""

    def on_change(self) -> None:
        """The state may have changed."""


class Link:
    """Owns the attempts of one connection: the current one, and with it the path."""

    def __init__(
        self,
        parts: Parts,
        owner: LinkOwner,
        *,
        connection_id: str | None,
        timeout_s: float,
        redial_timeout_s: float,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._parts = parts
        self._owner = owner
        self._timeout_s = timeout_s
        self._redial_timeout_s = redial_timeout_s
        self._rng = rng
        self._number = 0
        self._dialled = False
        self._peer_knows = False
        self._standing = False
        self._may_redial = True
        self._quitting = False
        self._ids: deque[str | None] = deque(maxlen=MAX_IDS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._dropping: set[asyncio.Task[None]] = set()
        self._found = asyncio.Event()
        self._told: list[Attempt] = []
        self.session = secrets.token_hex(8)
        self.is_over = False
        self.is_lost = False
        self.ever_connected = False
        self.attempt = self._new_attempt(connection_id, timeout_s)

    @property
    def connection_id(self) -> str | None:
        """What tells the current attempt's signals from others."""
        return self.attempt.connection_id

    @property
    def state(self) -> str:
        """`new`, `connecting`, `connected`, `reconnecting`, `failed` or `closed`."""
        if self.is_over:
            return "closed"
        if self.is_lost:
            return "reconnecting"
        state = self.attempt.rtc.state
        return "connecting" if state == "connected" and not self._standing else state

    @property
    def is_redialling(self) -> bool:
        """Whether it is this side that dials again."""
        return self.is_lost and self._dialled

    def had(self, connection_id: str | None) -> bool:
        """Whether an attempt has or had this id."""
        return connection_id in self._ids

    async def dial(self, ready: Callable[[], Awaitable[object]]) -> None:
        """Make the first path by offering. There has to be a channel already."""
        self._dialled = True
        with self._telling_of_failure():
            line = await self.attempt.offer(SessionLine(self.session, 0), ready)
        self._stand(line is not None)

    async def answer(self, offer_sdp: str, ready: Callable[[], Awaitable[object]]) -> None:
        """Make the first path by answering."""
        line = read_session(offer_sdp)
        if line is not None:
            self.session, self._number = line.session, line.number
            line = line._replace(kept=False)
        with self._telling_of_failure():
            await self.attempt.accept(offer_sdp, line, ready)
        self._stand(line is not None)

    def takes(self, line: SessionLine) -> bool:
        """Whether an offer with this line is for this connection: a redial."""
        return not self.is_over and not self._dialled and self._may_redial and line.session == self.session

    async def answer_again(self, offer_sdp: str, connection_id: str | None, line: SessionLine) -> None:
        """The other side has dialled again, perhaps before this one noticed anything."""
        if line.number <= self._number:
            return
        self._number = line.number
        if self._standing:
            self.lose(ConnectionLost(f"{self._parts.peer_id} makes another path"))
        if self.is_over:
            return
        self._drop(self.attempt)
        attempt = self.attempt = self._new_attempt(connection_id, min(self._timeout_s, REDIAL_ATTEMPT_S))
        self._owner.on_lost_again()
        try:
            await attempt.accept(offer_sdp, line._replace(kept=True), attempt.wait_live)
        except HeliographError as error:
            log.info("peer.redial_failed peer=%s reason=%s", self._parts.peer_id, type(error).__name__)
            self._drop(attempt)
            return
        if attempt is self.attempt and not self.is_over:
            self._stand_again(kept=True, peer_knows=True)

    def lose(self, cause: HeliographError) -> None:
        """The path is lost: make another one, or wait for the other side to, or give up."""
        if self.is_over or not self._standing:
            return
        self._standing = False
        self.is_lost = True
        former = self.attempt
        former.end(cause)
        if not (self._may_redial and self._redial_timeout_s > 0 and (self._dialled or self._peer_knows)):
            self.end(cause)
            return
        log.info("peer.path_lost peer=%s reason=%s", self._parts.peer_id, cause)
        self._found.clear()
        self._told = [former]
        self._drop(former)
        self._owner.on_lost(cause)
        self._spawn(self._find_another(cause))

    def expect_end(self) -> None:
        """A side has said that it ends the connection: when the path goes now, that is why."""
        self._quitting = True

    def forbid_redial(self) -> None:
        """There is no signaling any more."""
        self._may_redial = False
        if self.is_lost:
            self.end(ConnectionLost(f"The path to {self._parts.peer_id} is lost, and there is no way to make another"))

    def end(self, failure: HeliographError | None) -> None:
        """It is over. Safe to repeat."""
        if self.is_over:
            return
        self.is_over = True
        self._standing = self.is_lost = False
        self.attempt.end(failure)
        if self.ever_connected and isinstance(failure, ConnectionLost):
            self._parts.signals.tell(Report(peer_id=self._parts.peer_id, state="failed"))
        self._owner.on_over(failure)

    async def quit(self) -> None:
        """Tell the peer that the connection is over, whichever attempt it knows."""
        await asyncio.gather(*(attempt.quit() for attempt in {*self._told, self.attempt}))

    async def close(self) -> None:
        """Free everything."""
        self.end(None)
        for task in self._tasks:
            task.cancel()
        if ending := [*self._tasks, *self._dropping]:
            await asyncio.wait(ending)
        await self.attempt.close()

    def report(self) -> ConnectReport:
        """What the current attempt has tried."""
        return self.attempt.report()

    @contextmanager
    def _telling_of_failure(self) -> Iterator[None]:
        try:
            yield
        except ConnectError as error:
            if not isinstance(error, PeerRefused):  # of which the server knows
                self._parts.signals.tell(self.attempt.outcome("failed"))
            raise

    def _new_attempt(self, connection_id: str | None, timeout_s: float) -> Attempt:
        self._ids.append(connection_id)
        return Attempt(
            self._parts,
            connection_id,
            timeout_s=timeout_s,
            on_channel=self._owner.on_channel,
            on_change=lambda _: self._owner.on_change(),
            on_end=self._on_attempt_end,
        )

    def _on_attempt_end(self, attempt: Attempt) -> None:
        if attempt is not getattr(self, "attempt", None) or self.is_over or self.is_lost:
            return
        if not self._standing:
            self.end(attempt.failure)
        elif attempt.failure is None or self._quitting:
            self.end(None)
        else:
            self.lose(attempt.failure)

    def _stand(self, peer_knows: bool) -> None:
        if self.is_over:  # closed in the same moment
            return
        self._peer_knows = peer_knows
        self._standing = self.ever_connected = True
        self._parts.signals.tell(self.attempt.outcome("connected"))
        if peer_knows:
            self._spawn(self._watch_over(self.attempt))
        self._owner.on_change()

    def _stand_again(self, *, kept: bool, peer_knows: bool) -> None:
        self.is_lost = False
        self._told = []
        log.info("peer.path_found peer=%s kept=%s", self._parts.peer_id, kept)
        self._owner.on_path(self.attempt.rtc, kept=kept)
        self._stand(peer_knows)
        self._found.set()
        self._spawn(self._give_up_channels(self.attempt))

    async def _watch_over(self, attempt: Attempt) -> None:
        if attempt.liveness is None:
            return
        await watch(attempt.liveness, lambda: attempt.rtc.received_packets, clock=self._parts.clock)
        if attempt is self.attempt:
            self.lose(ConnectionLost(f"Nothing has come from {self._parts.peer_id} for {LOST_AFTER_S:g} s"))

    async def _give_up_channels(self, attempt: Attempt) -> None:
        await asyncio.sleep(REOPEN_TIMEOUT_S)
        if attempt is self.attempt and self._standing:
            self._owner.on_reopened()

    async def _find_another(self, cause: HeliographError) -> None:
        reasons: list[HeliographError] = [cause]
        try:
            async with asyncio.timeout(self._redial_timeout_s):
                if self._dialled:
                    await self._redial(reasons)
                else:
                    await self._found.wait()
        except TimeoutError:
            words = f"The path to {self._parts.peer_id} is lost, and there was no other in {self._redial_timeout_s:g} s"
        except HeliographError as error:
            reasons.append(error)
            words = f"The path to {self._parts.peer_id} is lost, and it is no use to dial again"
        else:
            return
        failure = RedialFailed(f"{words}: {reasons[-1]}")
        failure.__cause__ = reasons[-1]
        self.end(failure)

    async def _redial(self, reasons: list[HeliographError]) -> None:
        """Until there is a path. Raises what makes it no use to go on."""
        pause_s = REDIAL_PAUSE_S
        while True:
            await self._parts.signals.wait_online()
            try:
                await self._redial_once()
            except _FINAL:
                raise
            except HeliographError as error:
                log.info("peer.redial_failed peer=%s reason=%s", self._parts.peer_id, type(error).__name__)
                reasons.append(error)
            else:
                return
            await asyncio.sleep(pause_s * (0.5 + self._rng()))
            pause_s = min(2 * pause_s, MAX_REDIAL_PAUSE_S)

    async def _redial_once(self) -> None:
        self._number = min(self._number + 1, MAX_ATTEMPTS)
        attempt = self.attempt = self._new_attempt(secrets.token_hex(8), min(self._timeout_s, REDIAL_ATTEMPT_S))
        attempt.liveness = attempt.rtc.add_liveness_channel()
        try:
            line = await attempt.offer(
                SessionLine(self.session, self._number), attempt.wait_live, on_answer=self._on_answer
            )
        except BaseException:
            self._told = [*self._told[-1:], attempt]
            self._owner.on_lost_again()
            self._drop(attempt)
            raise
        if line is None:
            attempt.liveness = None
        self._stand_again(kept=line is not None and bool(line.kept), peer_knows=line is not None)

    def _on_answer(self, line: SessionLine | None) -> None:
        if line is None or not line.kept:
            self._owner.on_stranger()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"path to {self._parts.peer_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _drop(self, attempt: Attempt) -> None:
        """Close an attempt without a word, while the next one is made."""
        task = asyncio.create_task(attempt.close(silently=True), name=f"drop a path to {self._parts.peer_id}")
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

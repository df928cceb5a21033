"""One attempt at a path to a peer: an offer, an answer, candidates, and a deadline by which it stands."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, get_args

from aiortc import RTCDataChannel

from heliograph.errors import (
    ConnectError,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    HeliographError,
    PeerRefused,
    SignalingError,
)
from heliograph.peer.ice_servers import UsableIceServers
from heliograph.peer.report import ConnectReport
from heliograph.peer.transport import DescriptionError, RtcTransport
from heliograph_protocol import CandidateType, IceCandidateInit, Report
from heliograph_protocol.liveness import SessionLine, read_session, write_session

__all__ = ["Attempt", "Parts", "Signals"]

log = logging.getLogger(__name__)
T = TypeVar("T")

QUIT_TIMEOUT_S = 1.0
"""How long the end of a path waits for a signaling socket that has dropped."""


class Signals(Protocol):
    """What a connection sends through the signaling server."""

    async def offer(self, target: str, sdp: str, *, connection_id: str | None = None) -> None: ...
    async def answer(self, target: str, sdp: str, *, connection_id: str | None = None) -> None: ...
    async def candidate(
        self, target: str, candidate: IceCandidateInit | None, *, connection_id: str | None = None
    ) -> None: ...
    async def quit(self, target: str, *, connection_id: str | None = None) -> None: ...
    async def wait_online(self) -> None: ...
    def tell(self, report: Report) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every attempt of a connection is made with. Durations in seconds."""

    peer_id: str
    signals: Signals
    ice_servers: Callable[[], UsableIceServers]
    relay_only: bool
    clock: Callable[[], float] = time.monotonic


class Attempt:
    """Ends when the path does. `on_end` is called then, once; `on_channel` with each channel the other side opens.

    `failure` is why it ended; without one, a side closed it, or ICE failed before there was a path.
    """

    def __init__(
        self,
        parts: Parts,
        connection_id: str | None,
        *,
        timeout_s: float,
        on_channel: Callable[[RTCDataChannel], None],
        on_change: Callable[[Attempt], None],
        on_end: Callable[[Attempt], None],
    ) -> None:
        self._parts = parts
        self._timeout_s = timeout_s
        self._on_change = on_change
        self._on_end = on_end
        self._servers = parts.ice_servers()
        self._started_at = parts.clock()
        self._connected = asyncio.Event()
        self._ended = asyncio.Event()
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._preparing: asyncio.Task[str] | None = None
        self._trickling: asyncio.Task[None] | None = None
        self._final_report: ConnectReport | None = None
        self.connection_id = connection_id
        self.failure: HeliographError | None = None
        self._quitting = False
        self.introduced = False
        """Whether the peer knows of it, and so shall know of its end."""
        self.rtc = RtcTransport(
            self._servers, on_change=self._changed, on_channel=on_channel, relay_only=parts.relay_only
        )
        self.liveness: RTCDataChannel | None = None

    @property
    def was_connected(self) -> bool:
        """Whether there has been a path."""
        return self._connected.is_set()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._ended.is_set()

    def prepare(self) -> asyncio.Task[str]:
        """Start to gather, so that the offer is ready when it can be sent. There has to be a channel already."""
        if self._preparing is None:
            self._preparing = asyncio.create_task(self.rtc.create_offer(), name=f"offer to {self._parts.peer_id}")
        return self._preparing

    async def offer(
        self,
        session: SessionLine,
        ready: Callable[[], Awaitable[object]],
        *,
        on_answer: Callable[[SessionLine | None], None] = lambda _: None,
    ) -> SessionLine | None:
        """Offer, and wait until there is a path and `ready` returns; the session line of the answer.

        `on_answer` gets it as soon as it is there. Raises `ConnectError`, `Refused` or another `SignalingError`.
        """
        return await self._within_deadline(self._offer(session, ready, on_answer))

    async def accept(self, offer_sdp: str, answer: SessionLine | None, ready: Callable[[], Awaitable[object]]) -> None:
        """Answer an offer, and wait likewise. Raises `ConnectError`."""
        self._answer.cancel()
        await self._within_deadline(self._accept(offer_sdp, answer, ready))

    async def wait_live(self) -> None:
        """Wait until the liveness channel is open."""
        opened = asyncio.Event()
        if self.liveness is not None and self.liveness.readyState != "open":
            self.liveness.on("open", opened.set)
            await opened.wait()

    def take_answer(self, sdp: str) -> None:
        """The other side's answer has arrived."""
        if not self._answer.done():
            self._answer.set_result(sdp)

    def take_candidate(self, candidate: IceCandidateInit | str | None) -> None:
        """A candidate of the other side has arrived, or the end of them."""
        if not self._ended.is_set():
            self.rtc.add_candidate(candidate)

    def take_refusal(self, error: PeerRefused | SignalingError) -> None:
        """The other side, or the server, refused it. A path that stands takes no notice."""
        if not self.was_connected:
            self.end(error)

    def end(self, failure: HeliographError | None) -> None:
        """It is over, for this reason or, without one, because a side closed it. Safe to repeat."""
        if self._ended.is_set():
            return
        self.failure = failure
        self._final_report = self.report()
        self._ended.set()
        self._on_end(self)

    async def quit(self) -> None:
        """Tell the peer that it is over, if it knows of it and there is a way. No offer goes out after that."""
        self._quitting = True
        if not self.introduced:
            return
        self.introduced = False
        try:
            async with asyncio.timeout(QUIT_TIMEOUT_S):
                await self._parts.signals.quit(self._parts.peer_id, connection_id=self.connection_id)
        except (HeliographError, TimeoutError) as error:  # the data channels' end tells the peer as well
            log.debug("peer.quit_not_sent peer=%s reason=%s", self._parts.peer_id, error)

    async def close(self, *, silently: bool = False) -> None:
        """Free what it holds. `silently`, the other side is not told over the path either. Safe to repeat."""
        self.end(None)
        for task in (self._preparing, self._trickling):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await (self.rtc.drop() if silently else self.rtc.close())

    def outcome(self, state: Literal["connected", "failed"]) -> Report:
        """What became of it, for those who inspect the room: no addresses."""
        peer_id, took_ms = self._parts.peer_id, round(1000 * self.report().elapsed_s)
        if (path := self.rtc.path) is None:
            return Report(peer_id=peer_id, state=state, took_ms=took_ms)
        local, remote = map(_candidate_type, path)
        return Report(peer_id=peer_id, state=state, local=local, remote=remote, took_ms=took_ms)

    def report(self) -> ConnectReport:
        """What has been tried so far; of what is over, what had been."""
        return self._final_report or ConnectReport(
            peer_id=self._parts.peer_id,
            stage=self.rtc.stage,
            elapsed_s=self._parts.clock() - self._started_at,
            ice_state=self.rtc.ice_state,
            local_candidates=self.rtc.local_candidates,
            remote_candidates=self.rtc.remote_candidates,
            remote_ended=self.rtc.remote_ended,
            pairs=self.rtc.tried_pairs,
            server_answers=self.rtc.server_answers,
            ice_servers=self._servers.urls,
            dropped_ice_servers=self._servers.dropped,
        )

    async def _offer(
        self,
        session: SessionLine,
        ready: Callable[[], Awaitable[object]],
        on_answer: Callable[[SessionLine | None], None],
    ) -> SessionLine | None:
        sdp = await self.prepare()
        self._check_candidates()
        if self._quitting:
            await self._ended.wait()
            raise ConnectionLost(f"The connection to {self._parts.peer_id} was given up before it was offered")
        self.introduced = True
        signals, peer_id = self._parts.signals, self._parts.peer_id
        await signals.offer(peer_id, write_session(sdp, session), connection_id=self.connection_id)
        self._trickle()
        answer = await self._answer
        line = read_session(answer)
        if line is not None and line[:2] != session[:2]:
            line = None
        on_answer(line)
        if line is not None and self.liveness is None:
            self.liveness = self.rtc.add_liveness_channel()
        await self.rtc.accept(answer)
        await self._connected.wait()
        await ready()
        return line

    async def _accept(self, offer_sdp: str, answer: SessionLine | None, ready: Callable[[], Awaitable[object]]) -> None:
        self.introduced = True
        sdp = await self.rtc.answer(offer_sdp)
        self._check_candidates()
        if answer is not None:
            self.liveness = self.rtc.add_liveness_channel()
            sdp = write_session(sdp, answer)
        await self._parts.signals.answer(self._parts.peer_id, sdp, connection_id=self.connection_id)
        self._trickle()
        await self._connected.wait()
        await ready()

    def _trickle(self) -> None:
        self._trickling = asyncio.create_task(self._send_later_candidates())

    async def _send_later_candidates(self) -> None:
        signals, peer_id = self._parts.signals, self._parts.peer_id
        try:
            async for candidate in self.rtc.later_candidates():
                await signals.candidate(peer_id, candidate, connection_id=self.connection_id)
            await signals.candidate(peer_id, None, connection_id=self.connection_id)
        except HeliographError as error:
            log.info("ice.candidate_not_sent peer=%s reason=%s", peer_id, error)

    def _check_candidates(self) -> None:
        """Without an address of its own ICE does not even start: say so at once, not after the deadline."""
        if not self.rtc.local_candidates:
            report = self.report()
            peer_id = self._parts.peer_id
            raise ConnectFailed(peer_id, f"No connection to {peer_id}: {report}", report=report)

    async def _within_deadline(self, steps: Awaitable[T]) -> T:
        """Run the steps until they are through, the attempt ends, or the deadline passes."""
        working = asyncio.ensure_future(steps)
        ending = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait([working, ending], timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if working.done() and not working.cancelled() and working.exception() is None and not self.failure:
                return working.result()
            raise self._explain(working)
        finally:
            for task in (working, ending):
                task.cancel()
            await asyncio.wait([working, ending])

    def _explain(self, working: asyncio.Future[T]) -> HeliographError:
        report, peer_id = self.report(), self._parts.peer_id
        if isinstance(self.failure, ConnectError | SignalingError):
            return self.failure
        if working.done() and not working.cancelled() and (error := working.exception()) is not None:
            if isinstance(error, DescriptionError):
                return ConnectFailed(peer_id, str(error), report=report)
            if isinstance(error, HeliographError) and not isinstance(error, ConnectionLost):
                return error
            if not self._ended.is_set():
                raise error
        if self._ended.is_set():
            return ConnectFailed(peer_id, f"No connection to {peer_id}: {report}", report=report)
        words = f"No connection to {peer_id} after {self._timeout_s:g} s: {report}"
        return ConnectTimeout(peer_id, words, report=report)

    def _changed(self) -> None:
        match self.rtc.state:
            case "connected":
                self._connected.set()
            case "failed":
                lost = ConnectionLost(f"The path to {self._parts.peer_id} is lost")
                self.end(lost if self.was_connected else None)
            case "closed":
                lost = ConnectionLost(f"The path to {self._parts.peer_id} broke off")
                self.end(lost if self.was_connected and not self.rtc.closed_by_peer else None)
            case _:
                pass
        self._on_change(self)


def _candidate_type(text: str) -> CandidateType:
    """One of those that there are: what a stranger's candidate says may be anything."""
    known: tuple[CandidateType, ...] = get_args(CandidateType)
    return next((kind for kind in known if kind == text), "unknown")

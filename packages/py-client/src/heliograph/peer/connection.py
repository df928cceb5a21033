"""A direct connection to another peer: made by offer and answer, carrying channels, ended by either side."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, Self

from aiortc import RTCDataChannel

from heliograph.channels.channel import Channel
from heliograph.channels.options import ChannelOptions
from heliograph.errors import (
    ConnectError,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    HeliographError,
    PeerRefused,
    SignalingError,
)
from heliograph.peer.carrier import Carrier
from heliograph.peer.channels import Channels
from heliograph.peer.ice_servers import UsableIceServers
from heliograph.peer.report import ConnectReport
from heliograph.peer.transport import DescriptionError, RtcTransport
from heliograph.rpc.endpoint import RemoteCalls, Rpc
from heliograph.rpc.methods import Methods
from heliograph_protocol import IceCandidateInit
from heliograph_protocol.datachannel import CHAT_LABEL
from heliograph_protocol.rpc import RPC_LABEL
from heliograph_protocol.splitting import RPC_PROTOCOL

__all__ = ["CONNECT_TIMEOUT_S", "Connection", "Signals"]

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 15.0
QUIT_TIMEOUT_S = 1.0
"""How long a connection that closes waits for a signaling socket that has dropped."""
QUIT_GRACE_S = 1.0
"""How long after `quit` the channels may still deliver before they are closed."""


class Signals(Protocol):
    """What a connection sends through the signaling server."""

    async def offer(self, target: str, sdp: str, *, connection_id: str | None = None) -> None: ...
    async def answer(self, target: str, sdp: str, *, connection_id: str | None = None) -> None: ...
    async def candidate(
        self, target: str, candidate: IceCandidateInit | None, *, connection_id: str | None = None
    ) -> None: ...
    async def quit(self, target: str, *, connection_id: str | None = None) -> None: ...


class Connection(Carrier, RemoteCalls):
    """A direct connection to one peer. Made by `connect`, by a `Session` or by a `Worker`, not by hand.

    As an async context manager it closes the connection.
    """

    def __init__(
        self,
        peer_id: str,
        *,
        signals: Signals,
        connection_id: str | None,
        ice_servers: UsableIceServers,
        methods: Methods | None = None,
        timeout_s: float = CONNECT_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._peer_id = peer_id
        self._connection_id = connection_id
        self._signals = signals
        self._ice_servers = ice_servers
        self._timeout_s = timeout_s
        self._clock = clock
        self._started_at = clock()
        self._rtc = RtcTransport(ice_servers, on_change=self._on_change, on_channel=self._on_channel)
        self._channels = Channels(self._wrap)
        self._rpc = Rpc(self, self._open_rpc_channel, methods=methods or Methods(), peer_id=peer_id)
        self._connected = asyncio.Event()
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._failure: HeliographError | None = None
        self._preparing: asyncio.Task[str] | None = None
        self._final_report: ConnectReport | None = None
        self._closing: asyncio.Task[None] | None = None
        self._introduced = False
        self._ever_connected = False

    def __repr__(self) -> str:
        return f"Connection(peer_id={self.peer_id!r}, {self.state})"

    @property
    def peer_id(self) -> str:
        """The peer at the other end."""
        return self._peer_id

    @property
    def connection_id(self) -> str | None:
        """What tells this connection's signals from those of another one with the same peer."""
        return self._connection_id

    @property
    def state(self) -> str:
        """`new`, `connecting`, `connected`, `failed` or `closed`."""
        return "closed" if self._ended.is_set() else self._rtc.state

    @property
    def is_connected(self) -> bool:
        """Whether channels can be used."""
        return self.state == "connected"

    @property
    def is_over(self) -> bool:
        """Whether the connection has ended, or never came about."""
        return self._ended.is_set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def accept_channel(self) -> Channel:
        """The next channel that the other side opens. Raises `ConnectionLost` when the connection is over."""
        if (channel := await self._channels.accept()) is None:
            raise ConnectionLost(f"The connection to {self.peer_id} is closed") from self._failure
        return channel

    async def wait_connected(self) -> None:
        """Wait until channels can be used: returns at once on an open connection.

        Raises `ConnectionLost` when the connection is over, whatever ended it, or the `ConnectError` or
        `SignalingError` because of which it never came about.
        """
        while not self.is_connected:
            if self._ended.is_set():
                if isinstance(self._failure, ConnectError | SignalingError | ConnectionLost):
                    raise self._failure
                raise ConnectionLost(f"The connection to {self.peer_id} is closed") from self._failure
            self._changed.clear()
            await self._changed.wait()

    async def wait_closed(self) -> None:
        """Wait until either side closes the connection or it is lost."""
        await self._ended.wait()

    async def close(self) -> None:
        """Let channels send what they have, tell the peer, and close. Safe to repeat."""
        await asyncio.shield(self._start_closing())

    def prepare(self) -> asyncio.Task[str]:
        """Open the `chat` channel and start to gather, so that the offer is ready when it can be sent."""
        self.open_channel(CHAT_LABEL)
        self._preparing = asyncio.create_task(self._rtc.create_offer(), name=f"offer to {self.peer_id}")
        return self._preparing

    async def establish(self) -> None:
        """Send the prepared offer and wait until `chat` is open. Raises `ConnectError`, `Refused` or others."""
        await self._within_deadline(self._offer())

    async def accept(self, offer_sdp: str) -> None:
        """Answer an offer and wait until its first channel is open. Raises `ConnectError`."""
        self._answer.cancel()
        await self._within_deadline(self._accept(offer_sdp))

    def take_answer(self, sdp: str) -> None:
        """The other side's answer has arrived."""
        if not self._answer.done():
            self._answer.set_result(sdp)

    def take_candidate(self, candidate: IceCandidateInit | str | None) -> None:
        """A candidate of the other side has arrived, or the end of them."""
        if not self._ended.is_set():
            self._rtc.add_candidate(candidate)

    def take_refusal(self, error: PeerRefused | SignalingError) -> None:
        """The other side, or the server, refused the offer. An open connection takes no notice."""
        if not self._ever_connected:
            self._fail(error)

    def take_quit(self) -> None:
        """The other side has ended the connection."""
        if self._ever_connected:  # the signal may have overtaken the last messages, which the channels' end follows
            asyncio.get_running_loop().call_later(QUIT_GRACE_S, self._fail, None)
        else:
            self._fail(PeerRefused(self.peer_id, f"{self.peer_id} ended the connection while it was being made"))

    def report(self) -> ConnectReport:
        """What has been tried so far."""
        return ConnectReport(
            peer_id=self.peer_id,
            stage=self._rtc.stage,
            elapsed_s=self._clock() - self._started_at,
            ice_state=self._rtc.ice_state,
            local_candidates=self._rtc.local_candidates,
            remote_candidates=self._rtc.remote_candidates,
            remote_ended=self._rtc.remote_ended,
            ice_servers=self._ice_servers.urls,
            dropped_ice_servers=self._ice_servers.dropped,
        )

    async def _offer(self) -> None:
        sdp = await (self._preparing or self.prepare())
        self._check_candidates()
        self._introduced = True
        await self._signals.offer(self.peer_id, sdp, connection_id=self.connection_id)
        await self._signals.candidate(self.peer_id, None, connection_id=self.connection_id)  # all are in the offer
        await self._rtc.accept(await self._answer)
        await self._connected.wait()
        await self.channel(CHAT_LABEL).wait_open()

    async def _accept(self, offer_sdp: str) -> None:
        self._introduced = True  # the peer knows of this connection, so it shall know of its end
        answer = await self._rtc.answer(offer_sdp)
        self._check_candidates()
        await self._signals.answer(self.peer_id, answer, connection_id=self.connection_id)
        await self._signals.candidate(self.peer_id, None, connection_id=self.connection_id)
        await self._connected.wait()
        await self._channels.has_arrived.wait()

    def _check_candidates(self) -> None:
        """Without an address of its own ICE does not even start: say so at once, not after the deadline."""
        if not self._rtc.local_candidates:
            report = self.report()
            raise ConnectFailed(self.peer_id, f"No connection to {self.peer_id}: {report}", report=report)

    async def _within_deadline(self, steps: Awaitable[None]) -> None:
        """Run the steps until they are through, the connection fails, or the deadline passes."""
        working = asyncio.ensure_future(steps)
        ending = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait([working, ending], timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if working.done() and not working.cancelled() and working.exception() is None and not self._failure:
                return
            raise self._explain(working)
        finally:
            for task in (working, ending):
                task.cancel()
            await asyncio.wait([working, ending])

    def _explain(self, working: asyncio.Future[None]) -> HeliographError:
        report = self._final_report or self.report()
        if isinstance(self._failure, ConnectError | SignalingError):
            return self._failure
        if working.done() and not working.cancelled() and (error := working.exception()) is not None:
            if isinstance(error, DescriptionError):
                return ConnectFailed(self.peer_id, str(error), report=report)
            if isinstance(error, HeliographError) and not isinstance(error, ConnectionLost):
                return error
            if not self._ended.is_set():
                raise error
        if self._ended.is_set():
            return ConnectFailed(self.peer_id, f"No connection to {self.peer_id}: {report}", report=report)
        words = f"No connection to {self.peer_id} after {self._timeout_s:g} s: {report}"
        return ConnectTimeout(self.peer_id, words, report=report)

    def _start_closing(self) -> asyncio.Task[None]:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name=f"close the connection to {self.peer_id}")
        return self._closing

    async def _close(self) -> None:
        await self._rpc.close()
        if not self._ended.is_set() and self._ever_connected:
            await self._channels.close()
        if not self._ended.is_set() and self._introduced:
            try:
                async with asyncio.timeout(QUIT_TIMEOUT_S):
                    await self._signals.quit(self.peer_id, connection_id=self.connection_id)
            except (HeliographError, TimeoutError) as error:  # the data channels' end tells the peer as well
                log.debug("peer.quit_not_sent peer=%s reason=%s", self.peer_id, error)
        self._fail(None)
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.wait([self._preparing])
        await self._rtc.close()

    def _wrap(self, rtc: RTCDataChannel, opened_here: bool) -> Channel:
        return Channel(
            rtc,
            peer_id=self.peer_id,
            max_message_bytes=lambda: self._rtc.max_message_bytes,
            connection=self,
            opened_here=opened_here,
        )

    def _find_channel(self, label: str) -> Channel | None:
        return self._channels.find(label)

    def _new_channel(self, label: str, options: ChannelOptions) -> Channel:
        return self._channels.keep(self._rtc.open_channel(label, options))

    async def _open_rpc_channel(self) -> Channel:
        await self.wait_connected()
        rtc = self._rtc.open_channel(RPC_LABEL, ChannelOptions(protocol=RPC_PROTOCOL))
        return self._channels.keep(rtc, listed=False)

    def _on_channel(self, rtc: RTCDataChannel) -> None:
        if rtc.protocol == RPC_PROTOCOL and self._rpc.may_serve and not self._ended.is_set():
            self._rpc.serve(self._channels.keep(rtc, opened_here=False, listed=False))
            self._channels.has_arrived.set()
        elif rtc.protocol == RPC_PROTOCOL or not self._channels.take(rtc):
            log.warning("peer.channel_refused peer=%s label=%s", self.peer_id, rtc.label)
            rtc.close()

    def _on_change(self) -> None:
        match self._rtc.state:
            case "connected":
                self._ever_connected = True
                self._connected.set()
            case "failed":
                self._fail(ConnectionLost(f"The path to {self.peer_id} is lost") if self._ever_connected else None)
            case "closed":
                self._fail(None)
            case _:
                pass
        self._changed.set()

    def _fail(self, failure: HeliographError | None) -> None:
        """The connection is over, for this reason or, without one, because a side closed it."""
        if self._ended.is_set():
            return
        self._failure = failure
        self._final_report = self.report()
        self._ended.set()
        self._changed.set()
        self._rpc.interrupt(failure)
        self._channels.abandon(failure if isinstance(failure, ConnectionLost) else None)
        self._start_closing()

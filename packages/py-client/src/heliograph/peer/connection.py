"""A direct connection to another peer: made by offer and answer, carrying channels, ended by either side."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakSet

from aiortc import RTCDataChannel

from heliograph.channels.channel import Channel
from heliograph.channels.data_channel import DataChannel
from heliograph.channels.options import ChannelOptions
from heliograph.channels.unread import UnreadTotal
from heliograph.errors import ConnectError, ConnectionLost, HeliographError, PeerRefused, SignalingError
from heliograph.event_stream import EventStream
from heliograph.events import ConnectionEvent, Reconnected, Reconnecting
from heliograph.files.offer import Progress, SentFile
from heliograph.files.send import send_file
from heliograph.peer.attempt import Parts, Signals
from heliograph.peer.carrier import Carrier
from heliograph.peer.channels import Channels
from heliograph.peer.ice_servers import UsableIceServers
from heliograph.peer.link import REDIAL_TIMEOUT_S, Link
from heliograph.peer.report import ConnectReport
from heliograph.peer.transport import RtcTransport
from heliograph.rpc.endpoint import RemoteCalls, Rpc
from heliograph.rpc.methods import Methods
from heliograph_protocol import IceCandidateInit
from heliograph_protocol.datachannel import CHAT_LABEL
from heliograph_protocol.rpc import RPC_LABEL
from heliograph_protocol.splitting import RPC_PROTOCOL

__all__ = ["CONNECT_TIMEOUT_S", "Connection"]

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 15.0
QUIT_GRACE_S = 1.0
"""How long after `quit` the channels may still deliver before they are closed."""


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
        ice_servers: Callable[[], UsableIceServers],
        methods: Methods | None = None,
        timeout_s: float = CONNECT_TIMEOUT_S,
        redial_timeout_s: float = REDIAL_TIMEOUT_S,
        relay_only: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._peer_id = peer_id
        self._unread = UnreadTotal()
        self._channels = Channels(self._wrap)
        self._rpc = Rpc(self, self._open_rpc_channel, methods=methods or Methods(), peer_id=peer_id)
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._failure: HeliographError | None = None
        self._closing: asyncio.Task[None] | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._streams: WeakSet[EventStream[ConnectionEvent]] = WeakSet()
        parts = Parts(peer_id=peer_id, signals=signals, ice_servers=ice_servers, relay_only=relay_only, clock=clock)
        self._link = Link(
            parts, self, connection_id=connection_id, timeout_s=timeout_s, redial_timeout_s=redial_timeout_s
        )

    def __repr__(self) -> str:
        return f"Connection(peer_id={self.peer_id!r}, {self.state})"

    @property
    def peer_id(self) -> str:
        """The peer at the other end."""
        return self._peer_id

    @property
    def connection_id(self) -> str | None:
        """What tells this connection's signals from those of another one with the same peer; each path has its own."""
        return self._link.connection_id

    @property
    def state(self) -> str:
        """`new`, `connecting`, `connected`, `reconnecting`, `failed` or `closed`."""
        return "closed" if self._ended.is_set() else self._link.state

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

    async def send_file(
        self, path: str | Path, *, name: str | None = None, progress: Progress | None = None
    ) -> SentFile:
        """Send a file and wait until the other side has verified and kept it: `heliograph.send_file`."""
        return await send_file(self, path, name=name, progress=progress)

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
        """Wait until either side closes the connection, or it is lost for good."""
        await self._ended.wait()

    def events(self) -> AsyncIterator[ConnectionEvent]:
        """What happens to the path from now on: `Reconnecting`, `Reconnected`. Ends with the connection.

        Each call gives an iterator of its own. Raises what ended the connection, if neither side closed it.
        """
        stream: EventStream[ConnectionEvent] = EventStream()
        self._streams.add(stream)
        if self._ended.is_set():
            stream.end(self._lost_for)
        return stream.read()

    async def close(self) -> None:
        """Let channels send what they have, tell the peer, and close. Safe to repeat."""
        await asyncio.shield(self._start_closing())

    def prepare(self) -> None:
        """Open the `chat` channel and start to gather, so that the offer is ready when it can be sent."""
        self.open_channel(CHAT_LABEL)
        self._link.attempt.prepare()

    async def establish(self) -> None:
        """Send the prepared offer and wait until `chat` is open. Raises `ConnectError`, `Refused` or others."""
        await self._link.dial(lambda: self.channel(CHAT_LABEL).wait_open())

    async def accept(self, offer_sdp: str) -> None:
        """Answer an offer and wait until its first channel is open. Raises `ConnectError`."""
        await self._link.answer(offer_sdp, self._channels.has_arrived.wait)

    def report(self) -> ConnectReport:
        """What has been tried so far."""
        return self._link.report()

    def take_answer(self, sdp: str) -> None:
        """The other side's answer has arrived."""
        self._link.attempt.take_answer(sdp)

    def take_candidate(self, candidate: IceCandidateInit | str | None) -> None:
        """A candidate of the other side has arrived, or the end of them."""
        self._link.attempt.take_candidate(candidate)

    def take_refusal(self, error: PeerRefused | SignalingError) -> None:
        """The other side, or the server, refused the offer. A path that stands takes no notice."""
        self._link.attempt.take_refusal(error)

    def take_quit(self) -> None:
        """The other side has ended the connection."""
        self._link.expect_end()
        if self._link.is_lost:
            self._link.end(None)
        elif (
            self._link.ever_connected
        ):  # the signal may have overtaken the last messages, which the channels' end follows
            self._grace = asyncio.get_running_loop().call_later(QUIT_GRACE_S, self._link.end, None)
        else:
            self._link.end(PeerRefused(self.peer_id, f"{self.peer_id} ended the connection while it was being made"))

    @property
    def link(self) -> Link:
        """What makes the paths of this connection, for the switchboard."""
        return self._link

    def on_channel(self, rtc: RTCDataChannel) -> None:
        """See `LinkOwner`, also for what follows."""
        if rtc.protocol == RPC_PROTOCOL and self._rpc.may_serve and not self._ended.is_set():
            self._rpc.serve(self._channels.keep(rtc, opened_here=False, lasting=False))
            self._channels.has_arrived.set()
        elif rtc.protocol == RPC_PROTOCOL or not self._channels.take(rtc):
            log.warning("peer.channel_refused peer=%s label=%s", self.peer_id, rtc.label)
            rtc.close()

    def on_lost(self, cause: HeliographError) -> None:
        self._rpc.interrupt(cause)
        self._channels.suspend()
        self._changed.set()
        self._tell(Reconnecting(self.peer_id, cause))

    def on_lost_again(self) -> None:
        self._channels.suspend()

    def on_stranger(self) -> None:
        self._channels.give_up_awaited()

    def on_path(self, path: RtcTransport, *, kept: bool) -> None:
        self._channels.resume(path, kept=kept)
        self._tell(Reconnected(self.peer_id, kept))

    def on_reopened(self) -> None:
        self._channels.give_up_awaited()

    def on_change(self) -> None:
        self._changed.set()

    def on_over(self, failure: HeliographError | None) -> None:
        self._failure = failure
        if self._grace is not None:
            self._grace.cancel()
        self._ended.set()
        self._changed.set()
        self._rpc.interrupt(failure)
        self._channels.abandon(self._lost_for)
        for stream in list(self._streams):
            stream.end(self._lost_for)
        self._start_closing()

    @property
    def _rtc(self) -> RtcTransport:
        return self._link.attempt.rtc

    @property
    def _lost_for(self) -> ConnectionLost | None:
        return self._failure if isinstance(self._failure, ConnectionLost) else None

    def _tell(self, event: ConnectionEvent) -> None:
        for stream in list(self._streams):
            stream.put(event)

    def _start_closing(self) -> asyncio.Task[None]:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name=f"close the connection to {self.peer_id}")
        return self._closing

    async def _close(self) -> None:
        self._link.expect_end()
        await self._rpc.close()
        if self.is_connected:
            await self._channels.close()
        if not self._ended.is_set():
            await self._link.quit()
        await self._link.close()

    def _find_channel(self, label: str) -> Channel | None:
        return self._channels.find(label)

    def _new_channel(self, label: str, options: ChannelOptions) -> Channel:
        if self._ended.is_set():
            raise ConnectionLost("The connection is closed")
        return self._channels.open(label, options, self._rtc)

    async def _open_rpc_channel(self) -> Channel:
        await self.wait_connected()
        rtc = self._rtc.open_channel(RPC_LABEL, ChannelOptions(protocol=RPC_PROTOCOL))
        return self._channels.keep(rtc, lasting=False)

    def _wrap(self, rtc: DataChannel, opened_here: bool) -> Channel:
        return Channel(
            rtc,
            peer_id=self.peer_id,
            max_message_bytes=lambda: self._rtc.max_message_bytes,
            connection=self,
            opened_here=opened_here,
            unread=self._unread,
        )

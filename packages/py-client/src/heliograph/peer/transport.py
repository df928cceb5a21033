"""The seam to aiortc: one RTCPeerConnection, its traps handled, its exceptions translated."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceCandidate,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSctpTransport,
    RTCSessionDescription,
)
from aiortc.rtcicetransport import candidate_from_aioice
from aiortc.sdp import candidate_to_sdp
from OpenSSL import SSL

from heliograph.channels.channel import MAX_MESSAGE_BYTES
from heliograph.channels.options import ChannelOptions
from heliograph.errors import ConnectionLost, HeliographError
from heliograph.peer.candidates import END_OF_CANDIDATES, RemoteCandidates, take_candidates
from heliograph.peer.gathering import Gathering
from heliograph.peer.ice_servers import UsableIceServers
from heliograph.peer.report import Stage, count_candidates
from heliograph_protocol import IceCandidateInit
from heliograph_protocol.liveness import LIVENESS_LABEL, LIVENESS_STREAM

__all__ = ["DescriptionError", "RtcTransport"]

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 1.0
"""How long closing waits for a TURN server to take an allocation back."""
DEFAULT_REMOTE_LIMIT_BYTES = 65_536
"""What a side that announces no `max-message-size` takes (RFC 8841 section 6.1); 0 is any size."""
_MAX_MESSAGE_SIZE = re.compile(r"^a=max-message-size:(\d{1,15})\s*$", re.MULTILINE)
_CONNECT = "_RTCPeerConnection__connect"
"""What aiortc runs in a task that it then loses sight of."""


class DescriptionError(HeliographError):
    """aiortc cannot use a remote description."""


class RtcTransport:
    """One attempt at a direct connection. aiortc restarts nothing: another attempt is another transport.

    `on_change` is called when the connection's state changes, `on_channel` with each channel that the other side opens.
    """

    def __init__(
        self,
        ice_servers: UsableIceServers,
        *,
        on_change: Callable[[], None],
        on_channel: Callable[[RTCDataChannel], None],
        relay_only: bool = False,
    ) -> None:
        servers = [RTCIceServer(list(s.urls), s.username, s.credential) for s in ice_servers.servers]
        policy = RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL
        # No servers is an empty list; None would be a public server.
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=servers, iceTransportPolicy=policy))
        self._gathering = Gathering(ice_servers)
        self._connecting: set[asyncio.Task[None]] = set()
        connect = getattr(self._pc, _CONNECT)
        vars(self._pc)[_CONNECT] = lambda: self._connect(connect())
        self._pc.on("connectionstatechange", on_change)
        self._pc.on("iceconnectionstatechange", on_change)
        self._pc.on("datachannel", on_channel)
        self._remote = RemoteCandidates()
        self._remote_types: list[tuple[str, str]] = []
        self._adding: set[asyncio.Task[None]] = set()
        self._max_message_bytes = MAX_MESSAGE_BYTES

    @property
    def state(self) -> str:
        """`new`, `connecting`, `connected`, `failed` or `closed`."""
        return str(self._pc.connectionState)

    @property
    def ice_state(self) -> str:
        """`new`, `checking`, `completed`, `failed` or `closed`."""
        return str(self._pc.iceConnectionState)

    @property
    def stage(self) -> Stage:
        """How far the connection has come."""
        if self._pc.iceGatheringState != "complete":
            return Stage.GATHERING
        if self._pc.signalingState == "have-local-offer":
            return Stage.WAITING
        if self.state == "connected":
            return Stage.OPENING
        return Stage.SECURING if self.ice_state == "completed" else Stage.CHECKING

    @property
    def local_candidates(self) -> dict[str, int]:
        """This side's candidates by type."""
        if self._pc.sctp is None:
            return {}
        gathered = self._sctp.transport.transport.iceGatherer.getLocalCandidates()
        return count_candidates((candidate.type, candidate.ip) for candidate in gathered)

    @property
    def server_answers(self) -> dict[str, str]:
        """What came of each ICE server, by its URL."""
        return dict(self._gathering.answers)

    @property
    def tried_pairs(self) -> dict[str, int]:
        """The candidate pairs by their types and what became of them: `host-srflx failed`, say."""
        if self._pc.sctp is None:
            return {}
        pairs = self._sctp.transport.transport._connection._check_list  # noqa: SLF001
        words = (
            f"{pair.local_candidate.type}-{pair.remote_candidate.type} {pair.state.name.lower().replace('_', ' ')}"
            for pair in pairs
        )
        return dict(Counter(words))

    @property
    def path(self) -> tuple[str, str] | None:
        """The types of the candidates at this and at the other end of the path, once there is one."""
        if self._pc.sctp is None:
            return None
        for pair in self._sctp.transport.transport._connection._nominated.values():  # noqa: SLF001
            return pair.local_candidate.type, pair.remote_candidate.type
        return None

    @property
    def received_packets(self) -> int:
        """How many packets of the other side have come, of whatever kind but ICE's own."""
        if self._pc.sctp is None:
            return 0
        dtls = self._sctp.transport
        report = dtls._get_stats()  # noqa: SLF001 - `getStats` is empty for a connection without media
        return int(report[dtls._stats_id].packetsReceived)  # noqa: SLF001

    @property
    def closed_by_peer(self) -> bool:
        """Whether the other side has said, by DTLS, that it closes. A path that dies looks the same otherwise."""
        ssl = None if self._pc.sctp is None else self._sctp.transport._ssl  # noqa: SLF001
        return ssl is not None and bool(ssl.get_shutdown() & SSL.RECEIVED_SHUTDOWN)

    @property
    def remote_candidates(self) -> dict[str, int]:
        """The other side's candidates by type, as far as they have arrived and could be read."""
        return count_candidates(self._remote_types)

    @property
    def remote_ended(self) -> bool:
        """Whether the other side has said that it has no more candidates."""
        return self._remote.ended

    @property
    def max_message_bytes(self) -> int:
        """The largest message that both sides take."""
        return self._max_message_bytes

    async def create_offer(self) -> str:
        """Gather what there is at once, or nearly so, and return the offer. There has to be a channel already."""
        self._take_over()
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return self._local_sdp()

    async def answer(self, offer: str) -> str:
        """Take the other side's offer and return the answer. Raises `DescriptionError`."""
        await self._describe(offer, "offer")
        if self._pc.sctp is None:
            raise DescriptionError("the offer has no data channel")
        self._take_over()
        await self._pc.setLocalDescription(await self._pc.createAnswer())
        return self._local_sdp()

    def _local_sdp(self) -> str:
        """aiortc takes what was gathered for everything, and says so."""
        sdp = str(self._pc.localDescription.sdp)
        return sdp if self._gathering.finished.is_set() else sdp.replace(f"{END_OF_CANDIDATES}\r\n", "")

    async def later_candidates(self) -> AsyncIterator[IceCandidateInit]:
        """The candidates that are not in the description, as they are found; ends when there will be no more."""
        async for candidate in self._gathering.later():
            line = f"candidate:{candidate_to_sdp(candidate_from_aioice(candidate))}"
            yield IceCandidateInit(candidate=line, sdp_mid=self._sctp.mid, sdp_m_line_index=0)

    async def accept(self, answer: str) -> None:
        """Take the other side's answer. Raises `DescriptionError`."""
        await self._describe(answer, "answer")

    def add_candidate(self, value: IceCandidateInit | str | None) -> None:
        """Take a candidate of the other side, or None after its last one, at any time."""
        self._hand_on(self._remote.add(value))

    def open_channel(self, label: str, options: ChannelOptions, *, stream_id: int | None = None) -> RTCDataChannel:
        """Open a channel, with that stream id if one is given.

        Raises `ConnectionLost` if the connection is over, `ConfigurationError` for such options.
        """
        if self.state in {"closed", "failed"}:
            raise ConnectionLost("The connection is closed")
        options.check(label)
        return self._pc.createDataChannel(
            label,
            ordered=options.ordered,
            maxRetransmits=options.max_retransmits,
            maxPacketLifeTime=options.max_lifetime_ms,
            protocol=options.protocol,
            id=stream_id,
        )

    def add_liveness_channel(self) -> RTCDataChannel:
        """This side's end of the channel for pings, once both sides are known to have one."""
        return self._pc.createDataChannel(LIVENESS_LABEL, negotiated=True, id=LIVENESS_STREAM)

    async def close(self) -> None:
        """Close at once; what is not sent yet is lost. Safe to repeat."""
        if ending := [*self._adding, *self._connecting]:
            for task in ending:
                task.cancel()
            await asyncio.wait(ending)
        await self._gathering.stop()
        closing = asyncio.ensure_future(self._pc.close())
        await asyncio.wait([closing], timeout=STOP_TIMEOUT_S)
        if not closing.done():
            self._give_up_allocations()
            await asyncio.wait([closing], timeout=STOP_TIMEOUT_S)
        if not closing.done():
            log.warning("peer.not_closed ice=%s", self.ice_state)
            closing.cancel()
            await asyncio.wait([closing])
        self._free_session()

    async def drop(self) -> None:
        """Close without a word to the other side, which would take a path given up for a connection closed."""
        if self._pc.sctp is not None:
            ice = self._sctp.transport.transport
            for protocol in ice._connection._protocols:  # noqa: SLF001
                vars(protocol)["send_data"] = _lose
        await self.close()

    def _take_over(self) -> None:
        dtls = self._sctp.transport
        self._gathering.take_over(dtls.transport.iceGatherer._connection)  # noqa: SLF001
        send = dtls._send_data  # noqa: SLF001

        async def send_while_open(data: bytes) -> None:
            """SCTP sends from tasks that nobody waits for: what comes after the close is lost as a datagram may be."""
            try:
                await send(data)
            except ConnectionError as error:
                log.debug("peer.sent_too_late reason=%s", error)

        vars(dtls)["_send_data"] = send_while_open
        sctp, receive = self._sctp, self._sctp._data_channel_receive  # noqa: SLF001

        async def receive_anything(stream_id: int, pp_id: int, data: bytes) -> None:
            """A text that is no UTF-8 would be the end of the whole path: it is that of its channel."""
            try:
                await receive(stream_id, pp_id, data)
            except Exception as error:  # noqa: BLE001 - a stranger's bytes make aiortc raise what they trip over
                log.warning("peer.message_unreadable stream=%d reason=%s", stream_id, type(error).__name__)
                if (channel := sctp._data_channels.get(stream_id)) is not None:  # noqa: SLF001
                    channel.close()

        vars(sctp)["_data_channel_receive"] = receive_anything

    async def _connect(self, connecting: Coroutine[Any, Any, None]) -> None:
        """ICE, DTLS and SCTP, one after the other. `close` ends it, or aioice's consent checks would outlive it."""
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - aiortc makes one
            raise RuntimeError("not in a task")
        self._connecting.add(task)
        try:
            await connecting
        except ConnectionError as error:
            log.debug("peer.not_connected reason=%s", error)
        finally:
            self._connecting.discard(task)

    def _give_up_allocations(self) -> None:
        """Stop waiting for a TURN server that does not answer; aioice would for 40 s, and nobody could stop it."""
        if self._pc.sctp is None:
            return
        for protocol in self._sctp.transport.transport._connection._protocols:  # noqa: SLF001
            task = getattr(protocol.transport, "_TurnTransport__close_task", None)
            if task is not None:
                task.cancel()

    def _free_session(self) -> None:
        """Let go of OpenSSL's 100 KB now: the rest are rings, and the garbage collector does not know how large."""
        if self._pc.sctp is not None and self._sctp.transport.encrypted:  # or a handshake may still be at it
            self._sctp.transport._ssl = None  # noqa: SLF001

    @property
    def _sctp(self) -> RTCSctpTransport:
        if self._pc.sctp is None:
            raise DescriptionError("there is no data channel to describe")
        return self._pc.sctp

    async def _describe(self, sdp: str, kind: str) -> None:
        bare, candidates = take_candidates(sdp)
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(sdp=bare, type=kind))
        except Exception as error:  # a stranger's SDP makes aiortc raise whatever its parser trips over
            raise DescriptionError(f"The {kind} cannot be used: {type(error).__name__}: {error}") from error
        announced = _MAX_MESSAGE_SIZE.search(bare)
        remote_limit = int(announced[1]) if announced else DEFAULT_REMOTE_LIMIT_BYTES
        self._max_message_bytes = min(MAX_MESSAGE_BYTES, remote_limit or MAX_MESSAGE_BYTES)
        self._hand_on(self._remote.describe(candidates))

    def _hand_on(self, candidates: list[RTCIceCandidate | None]) -> None:
        for candidate in candidates:
            if candidate is not None:
                self._remote_types.append((candidate.type, candidate.ip))
            # A task each: resolving an mDNS name takes up to a second and must not hold up the others. Tasks start in
            # order, and ICE waits for names that are being resolved before it takes the end of candidates as the end.
            task = asyncio.create_task(self._add(candidate), name="add an ICE candidate")
            self._adding.add(task)
            task.add_done_callback(self._adding.discard)

    async def _add(self, candidate: RTCIceCandidate | None) -> None:
        if candidate is None:  # with a candidate of ours to come, failing for want of pairs would be too early
            await self._gathering.finished.wait()
        try:
            await self._pc.addIceCandidate(candidate)
        except Exception as error:  # noqa: BLE001 - one bad candidate of a stranger must not end the attempt
            log.debug("ice.candidate_refused reason=%s", error)


async def _lose(*_: object) -> None:
    """In the place of an aioice protocol's `send_data`."""

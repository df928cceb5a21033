"""The seam to aiortc: one RTCPeerConnection, its traps handled, its exceptions translated."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceCandidate,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)

from heliograph.channels.channel import MAX_MESSAGE_BYTES
from heliograph.channels.options import ChannelOptions
from heliograph.errors import ConnectionLost, HeliographError
from heliograph.peer.candidates import RemoteCandidates, take_candidates
from heliograph.peer.ice_servers import UsableIceServers
from heliograph.peer.report import Stage, count_candidates
from heliograph_protocol import IceCandidateInit

__all__ = ["DescriptionError", "RtcTransport"]

log = logging.getLogger(__name__)

DEFAULT_REMOTE_LIMIT_BYTES = 65_536
"""What a side that announces no `max-message-size` takes (RFC 8841 section 6.1); 0 is any size."""
_MAX_MESSAGE_SIZE = re.compile(r"^a=max-message-size:(\d{1,15})\s*$", re.MULTILINE)


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
    ) -> None:
        servers = [RTCIceServer(list(s.urls), s.username, s.credential) for s in ice_servers.servers]
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))  # [] is none; None would be a public server
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
        gathered = self._pc.sctp.transport.transport.iceGatherer.getLocalCandidates()
        return count_candidates((candidate.type, candidate.ip) for candidate in gathered)

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
        """Gather every candidate and return the offer; a STUN server that does not answer costs five seconds."""
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return str(self._pc.localDescription.sdp)

    async def answer(self, offer: str) -> str:
        """Take the other side's offer and return the answer. Raises `DescriptionError`."""
        await self._describe(offer, "offer")
        if self._pc.sctp is None:
            raise DescriptionError("the offer has no data channel")
        await self._pc.setLocalDescription(await self._pc.createAnswer())
        return str(self._pc.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        """Take the other side's answer. Raises `DescriptionError`."""
        await self._describe(answer, "answer")

    def add_candidate(self, value: IceCandidateInit | str | None) -> None:
        """Take a candidate of the other side, or None after its last one, at any time."""
        self._hand_on(self._remote.add(value))

    def open_channel(self, label: str, options: ChannelOptions) -> RTCDataChannel:
        """Open a channel. Raises `ConnectionLost` if the connection is over, `ConfigurationError` for such options."""
        if self.state in {"closed", "failed"}:
            raise ConnectionLost("The connection is closed")
        options.check(label)
        return self._pc.createDataChannel(
            label,
            ordered=options.ordered,
            maxRetransmits=options.max_retransmits,
            maxPacketLifeTime=options.max_lifetime_ms,
            protocol=options.protocol,
        )

    async def close(self) -> None:
        """Close at once; what is not sent yet is lost. Safe to repeat."""
        for task in self._adding:
            task.cancel()
        if self._adding:
            await asyncio.wait(self._adding)
        await self._pc.close()

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
        try:
            await self._pc.addIceCandidate(candidate)
        except Exception as error:  # noqa: BLE001 - one bad candidate of a stranger must not end the attempt
            log.debug("ice.candidate_refused reason=%s", error)

"""Remote ICE candidates: read from whatever form they come in, kept while they are early, ended exactly once."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from aiortc import RTCIceCandidate
from aiortc.sdp import candidate_from_sdp

from heliograph_protocol import IceCandidateInit

__all__ = ["END_OF_CANDIDATES", "MAX_CANDIDATES", "RemoteCandidates", "parse_candidate", "take_candidates"]

log = logging.getLogger(__name__)

MAX_CANDIDATES = 256
"""Candidates taken of one peer for one connection, early ones included; those beyond are dropped, which is logged."""

_SDP_CANDIDATE = re.compile(r"^a=candidate:(.*)$")
END_OF_CANDIDATES = "a=end-of-candidates"
"""The line of a description after whose candidates no other ones come (RFC 8840 section 8.2)."""


def parse_candidate(value: IceCandidateInit | str | None) -> RTCIceCandidate | None:
    """Read a candidate as a signal carries it. None is the end of candidates, and so is an empty `candidate`.

    A bare string, or an init without `sdpMid` and `sdpMLineIndex`, belongs to the first m-line. Raises ValueError.
    """
    init = IceCandidateInit(candidate=value) if isinstance(value, str) else value
    if init is None or not init.candidate.strip():
        return None
    line = init.candidate.strip().removeprefix("a=").removeprefix("candidate:")
    try:
        candidate = candidate_from_sdp(line)
    except (AssertionError, IndexError, ValueError) as error:
        raise ValueError(f"not an ICE candidate: {line[:80]!r}") from error
    candidate.sdpMid = init.sdp_mid
    candidate.sdpMLineIndex = init.sdp_m_line_index
    if candidate.sdpMid is None and candidate.sdpMLineIndex is None:
        candidate.sdpMLineIndex = 0
    return candidate


def take_candidates(sdp: str) -> tuple[str, list[IceCandidateInit | None]]:
    """Split a description: the SDP without candidates, and the candidates that were in it.

    So all candidates go one way, and one that cannot be read or whose name takes long to resolve holds up nothing.
    """
    kept: list[str] = []
    found: list[IceCandidateInit | None] = []
    ended = False
    media = -1
    for line in sdp.splitlines():
        if line.startswith("m="):
            media += 1
        if candidate := _SDP_CANDIDATE.match(line):
            found.append(IceCandidateInit(candidate=candidate[1], sdp_m_line_index=max(media, 0)))
        elif line.strip() == END_OF_CANDIDATES:
            ended = True
        else:
            kept.append(line)
    return "\r\n".join([*kept, ""]), [*found, None] if ended else found


@dataclass(slots=True)
class RemoteCandidates:
    """What to tell ICE of the other side's candidates, and when.

    `add` and `describe` return what can be handed on now, in order. Nothing is handed on before the description is set,
    nothing after the end of candidates (None), and no more than `MAX_CANDIDATES`.
    """

    described: bool = False
    ended: bool = False
    accepted: int = 0
    dropped: int = 0
    _early: list[RTCIceCandidate] = field(default_factory=list)

    def add(self, value: IceCandidateInit | str | None) -> list[RTCIceCandidate | None]:
        """A candidate, or the end of them, has arrived."""
        if self.ended:
            self._drop("it came after the end of candidates")
            return []
        candidate, is_end = self._read(value)
        self.ended = is_end
        if self.described:
            return [None] if is_end else [candidate] if candidate else []
        if candidate is not None:
            self._early.append(candidate)
        return []

    def describe(self, included: Iterable[IceCandidateInit | None] = ()) -> list[RTCIceCandidate | None]:
        """The remote description has been set; `included` are the candidates that were in it."""
        read = [self._read(value) for value in included]
        found: list[RTCIceCandidate | None] = [candidate for candidate, _ in read if candidate is not None]
        self.described = True
        self.ended = self.ended or any(is_end for _, is_end in read)
        early, self._early = self._early, []
        return [*found, *early, *([None] if self.ended else [])]

    def _read(self, value: IceCandidateInit | str | None) -> tuple[RTCIceCandidate | None, bool]:
        try:
            candidate = parse_candidate(value)
        except ValueError as error:
            self._drop(str(error))
            return None, False
        if candidate is None:
            return None, True
        if self.accepted >= MAX_CANDIDATES:
            self._drop("there are too many")
            return None, False
        self.accepted += 1
        return candidate, False

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        log.debug("ice.candidate_dropped reason=%s", reason)

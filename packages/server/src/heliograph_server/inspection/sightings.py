"""What may be remembered of a message that is passed on: kinds and counts, nothing that its sender wrote freely."""

import re
from typing import Final, Literal, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType

from heliograph_protocol import PEER_ID_PATTERN, Envelope

__all__ = ["Sighting", "is_peer_id", "sighting"]

_TYPE: Final = re.compile(rb" typ (host|srflx|prflx|relay)\b")
_TRANSPORT: Final = re.compile(rb"candidate:\S+ \d+ (udp|tcp) ", re.IGNORECASE)
_NO_CANDIDATE: Final = re.compile(rb'"candidate"\s*:\s*""')
_LAST_CANDIDATE: Final = b"a=end-of-candidates"
_PEER_ID: Final = re.compile(PEER_ID_PATTERN)

_KNOWN_REASONS: Final = frozenset({"worker_busy", "not_accepting", "connection_closed"})
"""What the SDKs refuse offers with. Other words of a peer are its own."""


class _Refusal(Struct, frozen=True):
    reason: object = None


_refusals: Final = msgspec.json.Decoder(_Refusal)


class Sighting(Struct, frozen=True, gc=False):
    """See `TimelineEntry`, which has the same."""

    candidates: tuple[str, ...] = ()
    transport: Literal["udp", "tcp"] | UnsetType = UNSET
    end: bool = False
    reason: str | UnsetType = UNSET


_NOTHING: Final = Sighting()


def sighting(envelope: Envelope, frame: bytes) -> Sighting:
    """What is to be seen of a signal. The frame has passed `decode_envelope`."""
    match envelope.type:
        case "offer" | "answer" if envelope.sdp is not UNSET:
            sdp = bytes(envelope.sdp)
            types = sorted({kind.decode() for kind in _TYPE.findall(sdp)})
            return Sighting(candidates=tuple(types), end=_LAST_CANDIDATE in sdp)
        case "candidate" if envelope.candidate is not UNSET:
            return _candidate(bytes(envelope.candidate))
        case "error":
            reason = _refusals.decode(frame).reason
            return Sighting(reason=reason) if isinstance(reason, str) and reason in _KNOWN_REASONS else _NOTHING
        case _:
            return _NOTHING


def _candidate(raw: bytes) -> Sighting:
    if raw in (b"null", b'""') or _NO_CANDIDATE.search(raw):
        return Sighting(end=True)
    kind, transport = _TYPE.search(raw), _TRANSPORT.search(raw)
    return Sighting(
        candidates=(kind[1].decode() if kind else "unknown",),
        transport=cast("Literal['udp', 'tcp']", transport[1].decode().lower()) if transport else UNSET,
    )


def is_peer_id(text: object) -> bool:
    """Whether somebody could have that name: nothing else that was sent as one is remembered."""
    return isinstance(text, str) and _PEER_ID.match(text) is not None

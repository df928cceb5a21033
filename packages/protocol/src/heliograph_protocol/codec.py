"""Frames to messages and back.

JSON is strict RFC 8259: no NaN, no Infinity, no trailing anything. A JSON object may name a key twice and leave it to
each reader which one counts; in the envelope (the keys that decide who is speaking and to whom) that is refused, so
that no receiver sees another sender than the server saw.
"""

import json
import re
from itertools import accumulate
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from heliograph_protocol.errors import InvalidJson, InvalidMessage, ProtocolError, UnknownMessageType
from heliograph_protocol.messages import (
    ClaimPeer,
    ClientMessage,
    DiscoverPeers,
    Inspect,
    InspectStop,
    Leave,
    Ping,
    Query,
    Received,
    Ref,
    Register,
    ReleaseClaim,
    Report,
    ServerMessage,
    SetGroups,
    UpdateMetadata,
)

__all__ = [
    "FORWARDED_TYPES",
    "PEER_MESSAGE_TYPE",
    "REQUEST_TYPES",
    "Envelope",
    "Request",
    "decode_client_message",
    "decode_envelope",
    "decode_request",
    "decode_server_message",
    "encode",
    "with_sender",
]

Request = (
    Register
    | Query
    | Ping
    | DiscoverPeers
    | UpdateMetadata
    | SetGroups
    | Leave
    | ClaimPeer
    | ReleaseClaim
    | Received
    | Report
    | Inspect
    | InspectStop
)
"""What the server itself answers; everything else that a client sends is forwarded."""


T = TypeVar("T")


class Envelope(Struct, frozen=True, gc=False):
    """All that the server reads of a message that it forwards.

    The last four are not read. They are what usually makes up the rest of a message: with their lengths known, nearly
    every message is seen to have no room for anything else.
    """

    type: str
    sender: str | UnsetType | None = UNSET
    target: str | UnsetType = UNSET
    sdp: msgspec.Raw | UnsetType = UNSET
    candidate: msgspec.Raw | UnsetType = UNSET
    ref: Ref | UnsetType = UNSET
    from_peer_id: str | UnsetType | None = UNSET
    to_peer_id: str | UnsetType = UNSET
    to_group: str | UnsetType = UNSET
    payload: msgspec.Raw | UnsetType = UNSET
    connection_id: msgspec.Raw | UnsetType = UNSET


class _OnlyRef(Struct, frozen=True):
    ref: Ref | UnsetType = UNSET


MAX_DEPTH: Final = 256
"""Arrays and objects within each other. Without a bound, readers give up at different depths."""

_ENVELOPE_KEYS: Final = ("type", "sender", "target", "ref", "from_peer_id", "to_peer_id", "to_group")
_SHORTEST_MEMBER: Final = len('"ref":0,')
"""Bytes that an envelope key takes in an object, however it is written."""

_OPENS_ARRAY, _OPENS_OBJECT = b"[{"
"""As numbers: looking for bytes in bytes, Python first raises and drops an error, since these are no number."""

_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ALL_BUT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))

FORWARDED_TYPES: Final = frozenset({"offer", "answer", "candidate", "quit", "error"})
REQUEST_TYPES: Final = frozenset(
    {
        "register",
        "query",
        "ping",
        "discover_peers",
        "update_metadata",
        "set_groups",
        "leave",
        "claim_peer",
        "release_claim",
        "received",
        "report",
        "inspect",
        "inspect_stop",
    }
)
PEER_MESSAGE_TYPE: Final = "peer_message"

_envelope_decoder = msgspec.json.Decoder(Envelope)
_request_decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_client_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_server_decoder: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)
_raw_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_any_json_decoder = msgspec.json.Decoder(msgspec.Raw)
_only_ref_decoder = msgspec.json.Decoder(_OnlyRef)
_encoder = msgspec.json.Encoder()
_NOT_DECODED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encode(message: Struct) -> bytes:
    """One message as a UTF-8 JSON text frame."""
    return _encoder.encode(message)


def decode_envelope(frame: bytes) -> Envelope:
    """Read `type`, `sender`, `target` and `ref` of a frame and check that the rest is JSON.

    Raises `InvalidJson` or `InvalidMessage`; the latter carries `ref` where the frame has a usable one.
    """
    # An offer does not nest, and finding is faster than counting.
    nests = _OPENS_ARRAY in frame or frame.find(_OPENS_OBJECT, 1) > 0
    if nests and frame.count(b"[") + frame.count(b"{") > MAX_DEPTH:
        _refuse_deep_nesting(frame)
    try:
        if not frame.isascii():
            frame.decode()  # the decoder does not look into the strings that it skips
        envelope = _envelope_decoder.decode(frame)
    except _NOT_DECODED as error:
        raise _refusal(error, frame) from error
    if _unaccounted(envelope, len(frame)) >= _SHORTEST_MEMBER:
        _refuse_repeated_keys(frame)
    return envelope


def decode_request(frame: bytes) -> Request:
    """Decode a frame whose `type` is one of `REQUEST_TYPES`. Raises `ProtocolError`."""
    return _decode(_request_decoder, frame)


def decode_client_message(frame: bytes) -> ClientMessage:
    """Decode any message that a client may send. Raises `ProtocolError`."""
    return _decode(_client_decoder, frame)


def decode_server_message(frame: bytes | str) -> ServerMessage:
    """Decode any message that a client may receive. Raises `ProtocolError`; a client ignores `UnknownMessageType`."""
    return _decode(_server_decoder, frame)


def with_sender(frame: bytes, sender: str, *, field: str = "sender") -> bytes:
    """The same object with its sender set, its other values untouched. The frame has passed `decode_envelope`."""
    fields = _raw_object_decoder.decode(frame)
    fields[field] = msgspec.Raw(_encoder.encode(sender))
    return _encoder.encode(fields)


def _decode(decoder: msgspec.json.Decoder[T], frame: bytes | str) -> T:
    try:
        if isinstance(frame, bytes) and not frame.isascii():
            frame.decode()
        return decoder.decode(frame)
    except _NOT_DECODED as error:
        raise _refusal(error, frame) from error


def _refusal(error: Exception, frame: bytes | str) -> ProtocolError:
    if isinstance(error, msgspec.ValidationError):
        return _explain(error, frame)
    if isinstance(error, RecursionError):
        return InvalidJson("Not valid JSON: nested too deeply")
    return InvalidJson(f"Not valid JSON: {error}")


def _explain(error: msgspec.ValidationError, frame: bytes | str) -> ProtocolError:
    """What is wrong with a frame of which a decoder has read no more than the first value of the wrong type."""
    try:
        _decode(_any_json_decoder, frame)
    except InvalidJson as not_json:
        return not_json
    try:
        ref = _only_ref_decoder.decode(frame).ref
    except msgspec.ValidationError:
        ref = UNSET
    if frame.lstrip()[:1] not in (b"{", "{"):
        return InvalidMessage("A message is a JSON object")
    kind = UnknownMessageType if str(error).startswith("Invalid value") and "$.type" in str(error) else InvalidMessage
    return kind(str(error), ref=ref)


def _refuse_deep_nesting(frame: bytes) -> None:
    brackets = _STRING.sub(b"", frame).translate(None, _ALL_BUT_BRACKETS)
    if max(accumulate(1 if bracket in b"[{" else -1 for bracket in brackets), default=0) > MAX_DEPTH:
        raise InvalidJson(f"Nested more than {MAX_DEPTH} levels deep")


def _unaccounted(envelope: Envelope, size: int) -> int:
    """How many bytes of a frame of that size are more than its members take at least.

    A member takes its name, its value, two quotation marks, a colon and a comma. Neither a string nor a number is
    shorter than what it stands for. So what is left is white space, escapes, and members that are unknown or repeated.
    """
    size -= 11 + len(envelope.type)  # {"type":""}
    if envelope.target is not UNSET:
        size -= 12 + len(envelope.target)  # ,"target":""
    if envelope.sender is not UNSET and envelope.sender is not None:
        size -= 12 + len(envelope.sender)
    if envelope.sdp is not UNSET:
        size -= 7 + len(envelope.sdp)
    if size < _SHORTEST_MEMBER:
        return size  # an offer or an answer
    if envelope.candidate is not UNSET:
        size -= 13 + len(envelope.candidate)
    if envelope.connection_id is not UNSET:
        size -= 17 + len(envelope.connection_id)
    if envelope.payload is not UNSET:
        size -= 11 + len(envelope.payload)
    if envelope.to_peer_id is not UNSET:
        size -= 16 + len(envelope.to_peer_id)
    if envelope.to_group is not UNSET:
        size -= 14 + len(envelope.to_group)
    if envelope.from_peer_id is not UNSET and envelope.from_peer_id is not None:
        size -= 18 + len(envelope.from_peer_id)
    if isinstance(envelope.ref, str):
        size -= 9 + len(envelope.ref)
    elif envelope.ref is not UNSET:
        size -= 7 + len(str(envelope.ref))
    return size


def _refuse_repeated_keys(frame: bytes) -> None:
    """Raise `InvalidJson` if the outermost object has an envelope key twice, however it is spelled."""
    members = _raw_object_decoder.decode(frame)
    if frame.count(b'"') == 2 * len(members) + b"".join(members.values()).count(b'"'):
        return  # no quotation mark is left that the name of another member could have
    outermost: list[tuple[str, Any]] = []

    def keep_the_last(pairs: list[tuple[str, Any]]) -> None:  # objects end from the inside out: the outermost is last
        nonlocal outermost
        outermost = pairs

    json.loads(frame, object_pairs_hook=keep_the_last, parse_int=str)  # int() refuses thousands of digits
    keys = [key for key, _ in outermost]
    for key in _ENVELOPE_KEYS:
        if keys.count(key) > 1:
            raise InvalidJson(f"The key {key!r} is there more than once")

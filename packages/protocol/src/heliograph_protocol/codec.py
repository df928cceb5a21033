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
    Leave,
    Ping,
    Query,
    Received,
    Ref,
    Register,
    ReleaseClaim,
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
    Register | Query | Ping | DiscoverPeers | UpdateMetadata | SetGroups | Leave | ClaimPeer | ReleaseClaim | Received
)
"""What the server itself answers; everything else that a client sends is forwarded."""


T = TypeVar("T")


class Envelope(Struct, frozen=True, gc=False):
    """All that the server reads of a message that it forwards."""

    type: str
    sender: str | UnsetType | None = UNSET
    target: str | UnsetType = UNSET
    ref: Ref | UnsetType = UNSET
    from_peer_id: str | UnsetType | None = UNSET
    to_peer_id: str | UnsetType = UNSET
    to_group: str | UnsetType = UNSET


class _OnlyRef(Struct, frozen=True):
    ref: Ref | UnsetType = UNSET


MAX_DEPTH: Final = 256
"""Arrays and objects within each other. Without a bound, readers give up at different depths."""

_ENVELOPE_KEYS: Final = tuple(Envelope.__struct_fields__)
_QUOTED_KEYS: Final = tuple(f'"{key}"'.encode() for key in _ENVELOPE_KEYS)

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


def encode(message: Struct) -> bytes:
    """One message as a UTF-8 JSON text frame."""
    return _encoder.encode(message)


def decode_envelope(frame: bytes) -> Envelope:
    """Read `type`, `sender`, `target` and `ref` of a frame and check that the rest is JSON.

    Raises `InvalidJson` or `InvalidMessage`; the latter carries `ref` where the frame has a usable one.
    """
    nests = frame.find(b"{", 1) >= 0 or frame.find(b"[") >= 0  # an offer does not, and finding is faster than counting
    if nests and frame.count(b"[") + frame.count(b"{") > MAX_DEPTH:
        _refuse_deep_nesting(frame)
    envelope = _decode(_envelope_decoder, frame)
    if b"\\u" in frame or any(frame.count(key) > 1 for key in _QUOTED_KEYS):
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
            frame.decode()  # the decoder does not look into the strings that it skips
        return decoder.decode(frame)
    except msgspec.ValidationError as error:
        raise _explain(error, frame) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJson(f"Not valid JSON: {error}") from error
    except RecursionError as error:
        raise InvalidJson("Not valid JSON: nested too deeply") from error


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


def _refuse_repeated_keys(frame: bytes) -> None:
    """Raise `InvalidJson` if the outermost object has an envelope key twice, however it is spelled."""
    outermost: list[tuple[str, Any]] = []

    def keep_the_last(pairs: list[tuple[str, Any]]) -> None:  # objects end from the inside out: the outermost is last
        nonlocal outermost
        outermost = pairs

    json.loads(frame, object_pairs_hook=keep_the_last, parse_int=str)  # int() refuses thousands of digits
    keys = [key for key, _ in outermost]
    for key in _ENVELOPE_KEYS:
        if keys.count(key) > 1:
            raise InvalidJson(f"The key {key!r} is there more than once")

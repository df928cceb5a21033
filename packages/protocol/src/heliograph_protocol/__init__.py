"""What travels between Heliograph's peers and its server.

Messages are frozen msgspec Structs (`messages`), refusals and closes have stable codes (`codes`), frames become
messages and back in `codec`, what SDKs say on a data channel is in `datachannel`, and `schema` and `typescript` derive
documents from the Structs.
"""

from heliograph_protocol.codec import (
    FORWARDED_TYPES,
    REQUEST_TYPES,
    Envelope,
    Request,
    decode_client_message,
    decode_envelope,
    decode_request,
    decode_server_message,
    encode,
    with_sender,
)
from heliograph_protocol.codes import REASONS, CloseCode, ErrorCode
from heliograph_protocol.errors import InvalidJson, InvalidMessage, ProtocolError, UnknownMessageType
from heliograph_protocol.messages import (
    PEER_ID_PATTERN,
    Answer,
    AvailablePeers,
    Candidate,
    ClientMessage,
    ErrorMessage,
    IceCandidateInit,
    Message,
    Offer,
    Ping,
    Pong,
    Query,
    Quit,
    Ref,
    Register,
    RegisteredAuth,
    ServerMessage,
    Signal,
)
from heliograph_protocol.schema import json_schema

__all__ = [
    "FORWARDED_TYPES",
    "PEER_ID_PATTERN",
    "REASONS",
    "REQUEST_TYPES",
    "Answer",
    "AvailablePeers",
    "Candidate",
    "ClientMessage",
    "CloseCode",
    "Envelope",
    "ErrorCode",
    "ErrorMessage",
    "IceCandidateInit",
    "InvalidJson",
    "InvalidMessage",
    "Message",
    "Offer",
    "Ping",
    "Pong",
    "ProtocolError",
    "Query",
    "Quit",
    "Ref",
    "Register",
    "RegisteredAuth",
    "Request",
    "ServerMessage",
    "Signal",
    "UnknownMessageType",
    "decode_client_message",
    "decode_envelope",
    "decode_request",
    "decode_server_message",
    "encode",
    "json_schema",
    "with_sender",
]

"""Codes of refusals and closes, and the words that the original protocol used for them."""

from enum import IntEnum, StrEnum

__all__ = ["REASONS", "CloseCode", "ErrorCode"]


class ErrorCode(StrEnum):
    """The `code` of an `error` message. Stable: programs branch on it."""

    INVALID_JSON = "INVALID_JSON"
    INVALID_MESSAGE = "INVALID_MESSAGE"
    UNKNOWN_MESSAGE_TYPE = "UNKNOWN_MESSAGE_TYPE"
    MESSAGE_TOO_BIG = "MESSAGE_TOO_BIG"
    RATE_LIMITED = "RATE_LIMITED"
    INTERNAL = "INTERNAL"
    NOT_REGISTERED = "NOT_REGISTERED"
    INVALID_ID_TOKEN = "INVALID_ID_TOKEN"  # noqa: S105 - a code, not a secret
    INVALID_ROOM_TOKEN = "INVALID_ROOM_TOKEN"  # noqa: S105 - a code, not a secret
    ROOM_NOT_FOUND = "ROOM_NOT_FOUND"
    ROOM_EXPIRED = "ROOM_EXPIRED"
    ROOM_FULL = "ROOM_FULL"
    PEER_ID_TAKEN = "PEER_ID_TAKEN"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    NOT_PERMITTED = "NOT_PERMITTED"
    SENDER_MISMATCH = "SENDER_MISMATCH"
    PEER_NOT_FOUND = "PEER_NOT_FOUND"
    PEER_AWAY_BUFFER_FULL = "PEER_AWAY_BUFFER_FULL"
    NO_PEER_AVAILABLE = "NO_PEER_AVAILABLE"


REASONS: dict[ErrorCode, str] = {
    ErrorCode.INVALID_JSON: "Invalid JSON",
    ErrorCode.INVALID_MESSAGE: "Invalid message",
    ErrorCode.UNKNOWN_MESSAGE_TYPE: "Unknown message type",
    ErrorCode.MESSAGE_TOO_BIG: "Message too big",
    ErrorCode.RATE_LIMITED: "Rate limited",
    ErrorCode.INTERNAL: "Internal error",
    ErrorCode.NOT_REGISTERED: "Not registered",
    ErrorCode.INVALID_ID_TOKEN: "Invalid token",
    ErrorCode.INVALID_ROOM_TOKEN: "Invalid token",
    ErrorCode.ROOM_NOT_FOUND: "Room not found",
    ErrorCode.ROOM_EXPIRED: "Room expired",
    ErrorCode.ROOM_FULL: "Room full",
    ErrorCode.PEER_ID_TAKEN: "Peer ID taken",
    ErrorCode.STORE_UNAVAILABLE: "DynamoDB error",
    ErrorCode.NOT_PERMITTED: "Not permitted",
    ErrorCode.SENDER_MISMATCH: "Sender mismatch",
    ErrorCode.PEER_NOT_FOUND: "Peer not found",
    ErrorCode.PEER_AWAY_BUFFER_FULL: "Peer away, buffer full",
    ErrorCode.NO_PEER_AVAILABLE: "No peer available",
}
"""The `reason` of each code. For registration these are the original's words, and old clients match on them."""


class CloseCode(IntEnum):
    """WebSocket close codes (RFC 6455 section 7.4; 4000 and up are this protocol's own)."""

    LEAVE = 1000
    GOING_AWAY = 1001
    INVALID_UTF8 = 1007
    MESSAGE_TOO_BIG = 1009
    RESTARTING = 1012
    NOT_THE_PROTOCOL = 4000
    REPLACED = 4001
    REMOVED = 4003
    OVER_LIMIT = 4008
    TOO_SLOW = 4009

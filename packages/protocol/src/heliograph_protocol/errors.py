"""Errors of this package.

ProtocolError
├── InvalidJson          not JSON as RFC 8259 has it, or its envelope is ambiguous
├── InvalidMessage       JSON, but not the message that it claims to be
└── UnknownMessageType   a `type` that no message has
"""

from msgspec import UNSET, UnsetType

from heliograph_protocol.codes import ErrorCode

__all__ = ["InvalidJson", "InvalidMessage", "ProtocolError", "UnknownMessageType"]


class ProtocolError(Exception):
    """A frame that is not a message.

    `code` is what an `error` message about it says, `ref` the frame's own, where it could be read.
    """

    code: ErrorCode

    def __init__(self, message: str, *, ref: str | int | UnsetType = UNSET) -> None:
        super().__init__(message)
        self.ref = ref


class InvalidJson(ProtocolError):
    """Not JSON, or an object whose envelope two readers could read differently."""

    code = ErrorCode.INVALID_JSON


class InvalidMessage(ProtocolError):
    """A field is missing, or has the wrong type or value."""

    code = ErrorCode.INVALID_MESSAGE


class UnknownMessageType(ProtocolError):
    """No message has this `type`."""

    code = ErrorCode.UNKNOWN_MESSAGE_TYPE

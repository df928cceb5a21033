"""What can be refused, each refusal with its two faces: an HTTP problem (RFC 9457) and an `error` message on the wire.

DomainError
├── InvalidRequest        400  the HTTP request is not one that this server understands
├── InvalidIdToken        401  the caller did not prove who it is
├── NotPermitted          403  known, but not allowed
├── InvalidRoomToken      403
├── RoomNotFound          404
├── PeerNotFound          404
├── PeerIdTaken           409
├── RoomFull              409
├── RoomExpired           410
├── RateLimited           429
└── Unavailable           503  a part that this server needs did not answer
    ├── StoreUnavailable       the room store
    └── IdentityUnavailable    the identity provider or its keys
"""

from http import HTTPStatus
from typing import ClassVar

from msgspec import UNSET, UnsetType

from heliograph_protocol import REASONS, ErrorCode, ErrorMessage, Ref

__all__ = [
    "DomainError",
    "IdentityUnavailable",
    "InvalidIdToken",
    "InvalidRequest",
    "InvalidRoomToken",
    "NotPermitted",
    "PeerIdTaken",
    "PeerNotFound",
    "RateLimited",
    "RoomExpired",
    "RoomFull",
    "RoomNotFound",
    "StoreUnavailable",
    "Unavailable",
    "wire_error",
]


class DomainError(Exception):
    """A refusal. The text is for the person at the other end: no tokens, no internals."""

    code: ClassVar[ErrorCode]
    status: ClassVar[HTTPStatus]


class InvalidRequest(DomainError):
    """The HTTP request lacks something or has it in the wrong form."""

    code = ErrorCode.INVALID_MESSAGE
    status = HTTPStatus.BAD_REQUEST


class InvalidIdToken(DomainError):
    """The JWT is missing or not valid: signature, expiry, audience, issuer or algorithm."""

    code = ErrorCode.INVALID_ID_TOKEN
    status = HTTPStatus.UNAUTHORIZED


class NotPermitted(DomainError):
    """The caller is known and may not do this."""

    code = ErrorCode.NOT_PERMITTED
    status = HTTPStatus.FORBIDDEN


class InvalidRoomToken(DomainError):
    """Not the token of this room."""

    code = ErrorCode.INVALID_ROOM_TOKEN
    status = HTTPStatus.FORBIDDEN


class RoomNotFound(DomainError):
    """No such room."""

    code = ErrorCode.ROOM_NOT_FOUND
    status = HTTPStatus.NOT_FOUND


class PeerNotFound(DomainError):
    """No such peer in this room."""

    code = ErrorCode.PEER_NOT_FOUND
    status = HTTPStatus.NOT_FOUND


class PeerIdTaken(DomainError):
    """Another user holds this peer id in this room."""

    code = ErrorCode.PEER_ID_TAKEN
    status = HTTPStatus.CONFLICT


class RoomFull(DomainError):
    """The room holds as many peers as it may."""

    code = ErrorCode.ROOM_FULL
    status = HTTPStatus.CONFLICT


class RoomExpired(DomainError):
    """The room's time is over: nobody else gets in."""

    code = ErrorCode.ROOM_EXPIRED
    status = HTTPStatus.GONE


class RateLimited(DomainError):
    """Too many requests from one address; `retry_after_s` says when the next one has a chance."""

    code = ErrorCode.RATE_LIMITED
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(DomainError):
    """A part that this server needs did not answer. The cause is logged, never told to the caller."""

    code = ErrorCode.STORE_UNAVAILABLE
    status = HTTPStatus.SERVICE_UNAVAILABLE


class StoreUnavailable(Unavailable):
    """The room store did not answer: never admit on doubt."""


class IdentityUnavailable(Unavailable):
    """The identity provider, or its keys, could not be reached."""


def wire_error(
    code: ErrorCode, message: str, *, ref: Ref | UnsetType = UNSET, reason: str | None = None
) -> ErrorMessage:
    """The `error` message for a refusal; its `reason` is the one that belongs to the code unless another is given."""
    return ErrorMessage(code=code, message=message, reason=reason or REASONS[code], ref=ref)

"""The typed error for what the server, or a peer, said no with."""

from __future__ import annotations

from heliograph.errors import (
    InternalError,
    InvalidIdToken,
    InvalidJson,
    InvalidMessage,
    InvalidRoomToken,
    MessageTooBig,
    NoPeerAvailable,
    NotPermitted,
    NotRegistered,
    PeerAwayBufferFull,
    PeerIdTaken,
    PeerNotFound,
    PeerRefused,
    RateLimited,
    Refused,
    Removed,
    Replaced,
    RoomExpired,
    RoomFull,
    RoomNotFound,
    SenderMismatch,
    SignalingClosed,
    StoreUnavailable,
    UnknownMessageType,
    WorkerBusy,
)
from heliograph_protocol import CloseCode, ErrorCode, ErrorMessage

__all__ = ["close_error", "peer_refusal", "server_refusal"]

_REFUSALS: dict[str, type[Refused]] = {
    ErrorCode.INVALID_JSON: InvalidJson,
    ErrorCode.INVALID_MESSAGE: InvalidMessage,
    ErrorCode.UNKNOWN_MESSAGE_TYPE: UnknownMessageType,
    ErrorCode.MESSAGE_TOO_BIG: MessageTooBig,
    ErrorCode.RATE_LIMITED: RateLimited,
    ErrorCode.INTERNAL: InternalError,
    ErrorCode.NOT_REGISTERED: NotRegistered,
    ErrorCode.INVALID_ID_TOKEN: InvalidIdToken,
    ErrorCode.INVALID_ROOM_TOKEN: InvalidRoomToken,
    ErrorCode.ROOM_NOT_FOUND: RoomNotFound,
    ErrorCode.ROOM_EXPIRED: RoomExpired,
    ErrorCode.ROOM_FULL: RoomFull,
    ErrorCode.PEER_ID_TAKEN: PeerIdTaken,
    ErrorCode.STORE_UNAVAILABLE: StoreUnavailable,
    ErrorCode.NOT_PERMITTED: NotPermitted,
    ErrorCode.SENDER_MISMATCH: SenderMismatch,
    ErrorCode.PEER_NOT_FOUND: PeerNotFound,
    ErrorCode.PEER_AWAY_BUFFER_FULL: PeerAwayBufferFull,
    ErrorCode.NO_PEER_AVAILABLE: NoPeerAvailable,
}


def server_refusal(error: ErrorMessage) -> Refused:
    """The typed error for an `error` message of the server; plain `Refused` for a code of a later version."""
    kind = _REFUSALS.get(error.code, Refused)
    return kind(error.message, code=error.code, reason=error.reason)


def peer_refusal(peer_id: str, error: ErrorMessage) -> PeerRefused:
    """The typed error for an `error` message that a peer sent about our offer."""
    words = error.message or error.reason or error.code or "no reason given"
    kind = WorkerBusy if error.code == WorkerBusy.CODE or error.reason == WorkerBusy.REASON else PeerRefused
    return kind(peer_id, f"{peer_id} refused the connection: {words}", code=error.code)


def close_error(code: int, reason: str) -> SignalingClosed | None:
    """The error for a close code after which connecting again is no use; None if it is worth another try."""
    match code:
        case CloseCode.REPLACED:
            return Replaced(code, reason)
        case CloseCode.REMOVED:
            return Removed(code, reason)
        case _:
            return None

"""Everything that this package raises.

HeliographError
├── ConfigurationError          an address, setting or argument that cannot be used
├── ServerUnreachable           no answer from the server's address
├── ApiError                    an HTTP call was refused: `.status`, `.detail`
├── SignalingError
│   ├── SignalingClosed         the server closed the socket for good: `.code`, `.reason`
│   │   ├── Replaced            the same user registered this peer id elsewhere (4001)
│   │   └── Removed             the room's owner removed this peer, or the room (4003)
│   ├── SignalingLost           not connected to the server, and not again in time
│   ├── RequestTimeout          the server did not answer a question in time
│   ├── SendQueueFull           too much waits to be sent already
│   ├── DeliveryUnknown         the session was lost before the server said what became of a message
│   ├── EventsMissed            events came faster than they were read, beyond the queue's bound
│   ├── ClaimLost               a claim ended before its holder gave the peer back: `.reason`
│   ├── UnsupportedByServer     the server speaks level 1 of the protocol only
│   └── Refused                 an `error` message of the server: `.code`, `.message`, `.reason`
│       └── InvalidIdToken, InvalidRoomToken, RoomNotFound, RoomExpired, RoomFull, PeerIdTaken, PeerNotFound,
│           NotRegistered, NotPermitted, SenderMismatch, RateLimited, MessageTooBig, InvalidMessage, InvalidJson,
│           UnknownMessageType, StoreUnavailable, InternalError, PeerAwayBufferFull, NoPeerAvailable
├── ConnectError                no connection to a peer: `.peer_id`, `.report`
│   ├── ConnectTimeout          nothing opened before the deadline
│   ├── ConnectFailed           ICE or DTLS gave up before the deadline
│   ├── PeerRefused             the peer said no: `.code`, `.message`
│   │   └── WorkerBusy          it serves as many clients as it will
│   └── AlreadyConnected        there is a connection to this peer already
├── ConnectionLost              an open connection's path died
│   └── RedialFailed            ... and there was no other one in time
├── ChannelError
│   ├── ChannelClosed           the channel is closed, nothing can be sent on it
│   ├── ChannelMessageTooBig    over what the channel, or the other side, takes
│   ├── ChannelFormatError      the other side sent what the channel's format, or its type, does not allow
│   └── ReceiveOverflow         messages came faster than they were read, beyond the queue's bound
├── RpcError                    a remote call failed; its tree is in `heliograph.rpc.errors`
└── TransferError               a file did not arrive whole: `.code`
    ├── TransferRefused         the receiver said no
    ├── TransferCancelled       the other side gave up
    └── TransferInterrupted     the channel closed before the file's end
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from heliograph.peer.report import ConnectReport

__all__ = [
    "AlreadyConnected",
    "ApiError",
    "ChannelClosed",
    "ChannelError",
    "ChannelFormatError",
    "ChannelMessageTooBig",
    "ClaimLost",
    "ConfigurationError",
    "ConnectError",
    "ConnectFailed",
    "ConnectTimeout",
    "ConnectionLost",
    "DeliveryUnknown",
    "EventsMissed",
    "HeliographError",
    "InternalError",
    "InvalidIdToken",
    "InvalidJson",
    "InvalidMessage",
    "InvalidRoomToken",
    "MessageTooBig",
    "NoPeerAvailable",
    "NotPermitted",
    "NotRegistered",
    "PeerAwayBufferFull",
    "PeerIdTaken",
    "PeerNotFound",
    "PeerRefused",
    "RateLimited",
    "ReceiveOverflow",
    "RedialFailed",
    "Refused",
    "Removed",
    "Replaced",
    "RequestTimeout",
    "RoomExpired",
    "RoomFull",
    "RoomNotFound",
    "SendQueueFull",
    "SenderMismatch",
    "ServerUnreachable",
    "SignalingClosed",
    "SignalingError",
    "SignalingLost",
    "StoreUnavailable",
    "TransferCancelled",
    "TransferError",
    "TransferInterrupted",
    "TransferRefused",
    "UnknownMessageType",
    "UnsupportedByServer",
    "WorkerBusy",
]


class HeliographError(Exception):
    """The base of every error of this package."""


class ConfigurationError(HeliographError):
    """An address, setting or argument cannot be used; the message names it."""


class ServerUnreachable(HeliographError):
    """Nothing answers at the server's address, or not as a Heliograph server would."""


class ApiError(HeliographError):
    """An HTTP call was refused."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{detail} (HTTP {status})")
        self.status = status
        self.detail = detail


class SignalingError(HeliographError):
    """The base of what goes wrong between this program and the signaling server."""


class SignalingClosed(SignalingError):
    """The server closed the WebSocket and connecting again would not help."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"The server closed the connection: {reason or 'no reason given'} ({code})")
        self.code = code
        self.reason = reason


class Replaced(SignalingClosed):
    """The same user registered this peer id on a newer connection."""


class Removed(SignalingClosed):
    """The room's owner removed this peer or closed the room."""


class SignalingLost(SignalingError):
    """There is no connection to the signaling server, and none came back in time."""


class RequestTimeout(SignalingError):
    """The server did not answer a question in time."""


class SendQueueFull(SignalingError):
    """Too much waits to be sent to the server already. What raised it was not queued."""


class DeliveryUnknown(SignalingError):
    """The message may have been delivered or not: the session was lost, or its time over, before the server said."""


class EventsMissed(SignalingError):
    """Events came faster than they were read. Reading on starts with the newest that are left."""


class ClaimLost(SignalingError):
    """A claim is over, and its holder did not end it. `reason` is `expired`, `left` or `session_lost`."""

    def __init__(self, peer_id: str, reason: str) -> None:
        super().__init__(f"The claim on {peer_id} is over: {reason}")
        self.peer_id = peer_id
        self.reason = reason


class UnsupportedByServer(SignalingError):
    """The server speaks level 1 of the protocol only, which has no word for this."""


class Refused(SignalingError):
    """The server refused a message. `code` is stable; `reason` has the original protocol's words."""

    def __init__(self, message: str, *, code: str, reason: str = "") -> None:
        super().__init__(message or reason or code)
        self.message = message
        self.code = code
        self.reason = reason


class InvalidJson(Refused):
    """The server could not read a frame."""


class InvalidMessage(Refused):
    """A field was missing or had the wrong type or value."""


class UnknownMessageType(Refused):
    """The server does not know a message's type."""


class MessageTooBig(Refused):
    """A signaling message was over the server's limit."""


class RateLimited(Refused):
    """Too many messages in too short a time; the message was dropped."""


class InternalError(Refused):
    """The server failed."""


class NotRegistered(Refused):
    """This connection has not registered yet."""


class InvalidIdToken(Refused):
    """The id token is not valid here, or has expired."""


class InvalidRoomToken(Refused):
    """The room's token is not the right one."""


class RoomNotFound(Refused):
    """There is no such room."""


class RoomExpired(Refused):
    """The room's time is over: peers inside go on, no one else gets in."""


class RoomFull(Refused):
    """The room has as many peers as it takes."""


class PeerIdTaken(Refused):
    """Another user has this peer id in the room."""


class StoreUnavailable(Refused):
    """The server could not ask its room store."""


class NotPermitted(Refused):
    """This peer's grants, or the room's policy, do not allow it."""


class SenderMismatch(Refused):
    """A message claimed another sender."""


class PeerNotFound(Refused):
    """No peer of that id is in the room."""


class PeerAwayBufferFull(Refused):
    """The peer is away, and too much waits for it already."""


class NoPeerAvailable(Refused):
    """No peer of that kind is free."""


class ConnectError(HeliographError):
    """No connection to a peer came about. `report` says what was tried, where that is known."""

    def __init__(self, peer_id: str, message: str, *, report: ConnectReport | None = None) -> None:
        super().__init__(message)
        self.peer_id = peer_id
        self.report = report


class ConnectTimeout(ConnectError):
    """No data channel opened before the deadline."""


class ConnectFailed(ConnectError):
    """ICE or DTLS failed, or the other side's description could not be used."""


class PeerRefused(ConnectError):
    """The peer answered the offer with a refusal, or ended the connection while it was being made."""

    def __init__(self, peer_id: str, message: str, *, code: str = "", report: ConnectReport | None = None) -> None:
        super().__init__(peer_id, message, report=report)
        self.code = code


class WorkerBusy(PeerRefused):
    """The worker serves as many clients as it will; try another one, or later."""

    CODE: ClassVar = "WORKER_BUSY"
    REASON: ClassVar = "worker_busy"


class AlreadyConnected(ConnectError):
    """This session has a connection to the peer, or is making one."""


class ConnectionLost(HeliographError):
    """The path to the peer died: its network, its process, or consent (RFC 7675) ran out."""


class RedialFailed(ConnectionLost):
    """The path to the peer died, and dialling again did not bring another one in the time there was."""


class ChannelError(HeliographError):
    """The base of what goes wrong on one data channel."""


class ChannelClosed(ChannelError):
    """The channel is closed."""


class ChannelMessageTooBig(ChannelError):
    """A message is larger than a data channel takes. Send it in pieces."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"A message of {size:,} bytes is over the limit of {limit:,} bytes")
        self.size = size
        self.limit = limit


class ChannelFormatError(ChannelError):
    """The other side sent what the channel's format, or its type, does not allow."""


class ReceiveOverflow(ChannelError):
    """Messages came faster than they were read; the channel was closed when its queue was full."""


class TransferError(HeliographError):
    """A file did not arrive whole. `code` is one of the data-channel format's (`FileCode`), or empty."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class TransferRefused(TransferError):
    """The receiver refused the file."""


class TransferCancelled(TransferError):
    """The other side gave up."""


class TransferInterrupted(TransferError):
    """The channel closed before the transfer was over. What has arrived is kept, for when the file is sent again."""

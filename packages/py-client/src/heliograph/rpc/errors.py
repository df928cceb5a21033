"""What goes wrong with remote calls.

RpcError                        a call failed: `.code`, `.peer_id`; a handler raises it with a code of its own
├── MethodNotFound              the peer has no method of this name
├── InvalidArguments            the arguments are not what the method takes; a handler may raise it too
├── WrongKind                   a stream was asked of a method that has none, or the other way round
├── HandlerFailed               the method raised something else, of which its peer has the traceback in its log
├── InvalidResult               the peer's answer is not of the type that `returns` named
├── TooManyCalls                the peer, or this side, has as many calls of this connection as it takes
├── CallTimeout                 there was no answer in time; the peer has been told to stop
├── CallCancelled               the peer cancelled the method
└── CallInterrupted             the connection was lost or closed: nobody knows how far the method came
"""

from __future__ import annotations

from typing import ClassVar

from heliograph.errors import HeliographError
from heliograph_protocol.rpc import RpcFailure

__all__ = [
    "CallCancelled",
    "CallInterrupted",
    "CallTimeout",
    "HandlerFailed",
    "InvalidArguments",
    "InvalidResult",
    "MethodNotFound",
    "RpcError",
    "TooManyCalls",
    "WrongKind",
    "call_failure",
]


class RpcError(HeliographError):
    """A remote call failed. Raised by a handler, code and message travel to the caller.

    `code` is stable: programs branch on it. `peer_id` is the peer that was called, None in an error made by a handler.
    """

    CODE: ClassVar[str] = "FAILED"

    def __init__(self, message: str, *, code: str = "", peer_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.CODE
        self.peer_id = peer_id


class MethodNotFound(RpcError):
    """The peer has no method of this name."""

    CODE = "METHOD_NOT_FOUND"


class InvalidArguments(RpcError):
    """The arguments are not what the method takes; the message names the first that is not."""

    CODE = "INVALID_ARGUMENTS"


class WrongKind(RpcError):
    """`call` was used for a method that streams its results, or `stream` for one that does not."""

    CODE = "WRONG_KIND"


class HandlerFailed(RpcError):
    """The method raised an exception, which its peer keeps to itself and its log."""

    CODE = "HANDLER_FAILED"


class InvalidResult(RpcError):
    """The peer's answer is not of the type that `returns` named."""

    CODE = "INVALID_RESULT"


class TooManyCalls(RpcError):
    """As many calls are running and waiting on this connection as one side takes; try again later."""

    CODE = "TOO_MANY_CALLS"


class CallTimeout(RpcError):
    """There was no answer in time. The peer has been told to stop, and may have come to any point before."""

    CODE = "CALL_TIMEOUT"


class CallCancelled(RpcError):
    """The peer cancelled the method before it came to its end."""

    CODE = "CALL_CANCELLED"


class CallInterrupted(RpcError):
    """The connection was lost or closed before the answer came.

    The method ran once or not at all, to the end or in part; it is not called again by itself.
    """

    CODE = "CALL_INTERRUPTED"


_KINDS = {
    kind.CODE: kind
    for kind in (MethodNotFound, InvalidArguments, WrongKind, HandlerFailed, TooManyCalls, CallCancelled)
}


def call_failure(failure: RpcFailure, peer_id: str) -> RpcError:
    """The typed error for a peer's answer; plain `RpcError` for a code of the application's own."""
    kind = _KINDS.get(failure.code, RpcError)
    return kind(failure.message or failure.code, code=failure.code, peer_id=peer_id)

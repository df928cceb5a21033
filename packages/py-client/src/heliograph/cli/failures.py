"""From an error to an exit code, and to what would help."""

from __future__ import annotations

from heliograph.errors import (
    ApiError,
    ChannelMessageTooBig,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    HeliographError,
    InvalidIdToken,
    InvalidRoomToken,
    NoPeerAvailable,
    NotPermitted,
    PeerIdTaken,
    PeerNotFound,
    PeerRefused,
    RateLimited,
    RoomExpired,
    RoomFull,
    RoomNotFound,
    ServerUnreachable,
    SignalingError,
    SignalingLost,
    TransferError,
    UnsupportedByServer,
    WorkerBusy,
)
from heliograph.rpc.errors import CallInterrupted, HandlerFailed, InvalidArguments, MethodNotFound, RpcError

__all__ = ["EXIT_CODES", "EXIT_CODES_HELP", "exit_code", "hint"]

EXIT_CODES = {
    0: "done",
    1: "something unforeseen",
    2: "wrong usage or configuration",
    3: "the server cannot be reached",
    4: "the server refused: room, token, peer id, identity",
    5: "no such peer, none is free, or it refused",
    6: "no connection to the peer, or it was lost",
    7: "a file did not arrive",
    8: "the call failed: what was called said so, or does not exist",
    9: "`doctor` found something that will not work",
    130: "interrupted by Ctrl-C",
    143: "terminated before it was done; `worker` and `receive` end with 0",
}

EXIT_CODES_HELP = "\n".join(["\b", "Exit codes:", *(f"  {code:<4} {what}" for code, what in EXIT_CODES.items())])


def exit_code(error: HeliographError) -> int:
    """The documented exit code for an error."""
    match error:
        case ConfigurationError() | ChannelMessageTooBig():
            return 2
        case ServerUnreachable() | SignalingLost():
            return 3
        case PeerNotFound() | PeerRefused() | NoPeerAvailable():
            return 5
        case ApiError() | SignalingError():
            return 4
        case ConnectError() | ConnectionLost() | CallInterrupted():
            return 6
        case TransferError():
            return 7
        case RpcError():
            return 8
        case _:
            return 1


_LOG_IN = "`heliograph login` gets and stores an identity for this server."
_NO_RIGHT = "Only the room's creator may do that, or whom a join token allows it."
_YOUR_ROOMS = "`heliograph room list` has your rooms; `heliograph room create` makes one."
_LATER = "Try again a little later."
_BY_STATUS = {401: _LOG_IN, 403: _NO_RIGHT, 404: _YOUR_ROOMS, 429: _LATER}
_BY_KIND: tuple[tuple[type[HeliographError], str | None], ...] = (
    (ServerUnreachable, "Is it running, and is --url (or HELIOGRAPH_URL) right? `heliograph doctor` looks closer."),
    (InvalidIdToken, _LOG_IN),
    (NotPermitted, _NO_RIGHT),
    (RoomNotFound, _YOUR_ROOMS),
    (InvalidRoomToken, "Use the newest link; `heliograph doctor` says where room and token are taken from."),
    (RoomExpired, "`heliograph room create` makes another one."),
    (RoomFull, _LATER),
    (RateLimited, _LATER),
    (WorkerBusy, _LATER),
    (PeerIdTaken, "Choose another --peer-id."),
    (NoPeerAvailable, "Wait for one with --wait SECONDS; `heliograph peers` shows who is there."),
    (PeerNotFound, "`heliograph peers` shows who is there."),
    (UnsupportedByServer, "The server needs to be updated for that."),
    (PeerRefused, None),
    (MethodNotFound, "What a `heliograph worker` serves, it says when it starts."),
    (InvalidArguments, "name=value sends a text; name:=value sends JSON: a number, true, null, a list, an object."),
    (HandlerFailed, "The log of the peer that was called has the reason."),
    (ChannelMessageTooBig, "What is larger goes as a file: `heliograph send`."),
    (ConnectError, "`heliograph doctor` checks what stands between this machine and its peers."),
)
"""The first that fits counts."""


def hint(error: HeliographError) -> str | None:
    """What a person could do about it, in a sentence; None if nothing is sure to help."""
    if isinstance(error, ApiError):
        return _BY_STATUS.get(error.status)
    return next((words for kind, words in _BY_KIND if isinstance(error, kind)), None)

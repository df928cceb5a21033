"""The control messages as text frames."""

from __future__ import annotations

import msgspec

from heliograph.errors import TransferError
from heliograph.unreadable import UNREADABLE
from heliograph_protocol.datachannel import FileCode, FileControl

__all__ = ["MAX_CONTROL_BYTES", "control_frame", "read_control"]

MAX_CONTROL_BYTES = 65_536
"""The longest header is under 9,000 characters."""

_decoder: msgspec.json.Decoder[FileControl] = msgspec.json.Decoder(FileControl)


def control_frame(message: FileControl) -> str:
    """The text frame for a message."""
    return msgspec.json.encode(message).decode()


def read_control(frame: str) -> FileControl:
    """The message in a text frame. Raises `TransferError` with `BAD_MESSAGE` for what is none."""
    if len(frame) > MAX_CONTROL_BYTES:
        raise TransferError("A control message is too long", code=FileCode.BAD_MESSAGE)
    try:
        return _decoder.decode(frame)
    except UNREADABLE as error:
        raise TransferError(f"That is no message of a file transfer: {error}", code=FileCode.BAD_MESSAGE) from error

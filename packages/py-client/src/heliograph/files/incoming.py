"""The receiver's side of the format, without I/O: frames in, what is to be done out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from heliograph.errors import TransferCancelled, TransferError
from heliograph.files.control import read_control
from heliograph.files.prefix import checkpoint_after
from heliograph_protocol.datachannel import (
    FRAME_BYTES,
    WINDOW_BYTES,
    FileAccepted,
    FileCancelled,
    FileChecking,
    FileCheckpoint,
    FileCode,
    FileHeader,
    FileProgress,
)

__all__ = ["Chunk", "Incoming", "Start"]


@dataclass(frozen=True, slots=True)
class Start:
    """The sender is about to send from the offset that was accepted; `sha256` is that of its content up to there."""

    offset: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Content that ends at `offset`. `sha256` is the sender's for everything up to there."""

    content: bytes
    offset: int
    sha256: str


class _State(Enum):
    OFFER = auto()
    DECISION = auto()
    START = auto()
    AGREEMENT = auto()
    CONTENT = auto()
    END = auto()


class Incoming:
    """One attempt to receive a file, frame by frame.

    `take` raises `TransferError` with the code that the sender is to be told, or `TransferCancelled`. It holds one
    chunk at most. Between an event and the answer to it (`accept` after a header, `accept` or `agree` after a `Start`),
    no content is taken.
    """

    def __init__(self, *, window: int = WINDOW_BYTES) -> None:
        self._window = window
        self._state = _State.OFFER
        self._header: FileHeader | None = None
        self._position = 0
        self._confirmed = 0
        self._chunk = bytearray()

    @property
    def header(self) -> FileHeader:
        """What was offered. Raises `TransferError` before that."""
        if self._header is None:
            raise TransferError("Expected a file's header", code=FileCode.BAD_MESSAGE)
        return self._header

    @property
    def position(self) -> int:
        """Bytes of the file that have come, verified or not."""
        return self._position

    @property
    def complete(self) -> bool:
        """Whether all is here and confirmed."""
        return self._state is _State.END

    def take(self, frame: str | bytes) -> FileHeader | Start | Chunk | None:
        """What a frame brings; None if there is nothing to do yet."""
        if isinstance(frame, bytes):
            self._content(frame)
            return None
        message = read_control(frame)
        if isinstance(message, FileCancelled):
            raise TransferCancelled(f"The sender gave up: {message.message or 'no reason given'}")
        match self._state, message:
            case _State.OFFER, FileHeader():
                self._header = message
                self._state = _State.DECISION
                return message
            case _State.START, FileChecking():
                return None
            case _State.START, FileCheckpoint(offset=offset, sha256=sha256) if offset == self._position:
                self._state = _State.AGREEMENT
                return Start(offset, sha256)
            case _State.CONTENT, FileCheckpoint(offset=offset, sha256=sha256):
                return self._checkpoint(offset, sha256)
            case _:
                raise TransferError(f"{type(message).__name__} has no place here", code=FileCode.BAD_MESSAGE)

    def accept(self, offset: int) -> FileAccepted:
        """Take the file from this offset on, which is a multiple of the chunk size, or the file's size."""
        if self._state not in {_State.DECISION, _State.AGREEMENT}:
            raise RuntimeError("There is nothing to accept")
        self._state = _State.START
        self._position = self._confirmed = offset
        return FileAccepted(offset=offset, window=self._window)

    def agree(self) -> FileProgress:
        """The sender has the same content up to the accepted offset: its content may come."""
        if self._state is not _State.AGREEMENT:
            raise RuntimeError("There is nothing to agree to")
        self._state = _State.CONTENT
        return self.confirm(self._position)

    def confirm(self, offset: int) -> FileProgress:
        """What came up to this offset is verified and written."""
        if self._state is not _State.CONTENT or not self._confirmed <= offset <= self._position - len(self._chunk):
            raise RuntimeError("That has not come yet")
        self._confirmed = offset
        if offset == self.header.size:
            self._state = _State.END
        return FileProgress(offset=offset)

    def _content(self, frame: bytes) -> None:
        if self._state is not _State.CONTENT:
            raise TransferError("Content has no place here", code=FileCode.BAD_MESSAGE)
        if not 0 < len(frame) <= FRAME_BYTES:
            raise TransferError(f"A frame of {len(frame):,} bytes", code=FileCode.BAD_MESSAGE)
        if self._position + len(frame) > self.header.size:
            raise TransferError("More bytes came than were announced", code=FileCode.SIZE_MISMATCH)
        if self._position + len(frame) > self._boundary():
            raise TransferError("A checkpoint was left out", code=FileCode.BAD_MESSAGE)
        if self._position + len(frame) - self._confirmed > self._window:
            raise TransferError("More came than there was room for", code=FileCode.BAD_MESSAGE)
        self._chunk += frame
        self._position += len(frame)

    def _checkpoint(self, offset: int, sha256: str) -> Chunk:
        if not self._chunk or offset != self._position or offset != self._boundary():
            words = f"A checkpoint at {offset:,} after {self._position:,} of {self.header.size:,} bytes"
            raise TransferError(words, code=FileCode.SIZE_MISMATCH)
        content = bytes(self._chunk)
        self._chunk.clear()
        return Chunk(content, offset, sha256)

    def _boundary(self) -> int:
        """Where the chunk ends that is coming."""
        start = self._position - len(self._chunk)
        return checkpoint_after(start, self.header.size)

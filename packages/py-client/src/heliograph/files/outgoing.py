"""The sender's side of the format, without I/O: the receiver's words in, how far it may go out."""

from __future__ import annotations

from heliograph.errors import TransferCancelled, TransferError, TransferRefused
from heliograph.files.control import read_control
from heliograph_protocol.datachannel import (
    CHUNK_BYTES,
    FileAccepted,
    FileChecking,
    FileCode,
    FileProgress,
    FileReceived,
    FileRefused,
)

__all__ = ["Outgoing"]

MAX_ACCEPTS = 3
"""What the receiver has may be another file's start, twice at most; then it starts at 0."""


class Outgoing:
    """One attempt to send a file of `size` bytes: what the receiver has said so far."""

    def __init__(self, peer_id: str, size: int) -> None:
        self._peer_id = peer_id
        self._size = size
        self._sent = 0
        self._window = 0
        self._accepts = 0
        self._receipt: FileReceived | None = None
        self.start: int | None = None
        """Where the receiver wants the content from; None before it has accepted."""
        self.agreed = False
        """Whether content may be sent."""
        self.confirmed = 0
        """How much the receiver has verified."""

    @property
    def receipt(self) -> FileReceived | None:
        """The receiver's confirmation of the whole file."""
        return self._receipt

    def room_for(self, size: int) -> bool:
        """Whether so many bytes more may be sent now."""
        return self._sent + size - self.confirmed <= self._window

    def sent(self, size: int) -> None:
        """So many bytes more are on their way."""
        self._sent += size

    def take(self, frame: str | bytes) -> None:
        """The receiver has said something. Raises `TransferRefused`, `TransferCancelled`, or `TransferError`."""
        if isinstance(frame, bytes):
            raise self._nonsense("bytes came from the receiver")
        match read_control(frame):
            case FileAccepted(offset=offset, window=window):
                self._accepted(offset, window)
            case FileProgress(offset=offset):
                self._progressed(offset)
            case FileChecking():
                pass
            case FileReceived() as receipt if self.agreed and self.confirmed == self._size:
                self._receipt = receipt
            case FileRefused(code=FileCode.CANCELLED, message=words):
                raise TransferCancelled(f"{self._peer_id} gave up: {words or 'no reason given'}")
            case FileRefused(code=code, message=words):
                raise TransferRefused(f"{self._peer_id} refused the file: {words or code}", code=code)
            case message:
                raise self._nonsense(f"{type(message).__name__} has no place here")

    def _accepted(self, offset: int, window: int) -> None:
        self._accepts += 1
        if self.agreed or self._accepts > MAX_ACCEPTS:
            raise self._nonsense("it accepted again")
        if offset > self._size or (offset % CHUNK_BYTES and offset != self._size):
            raise self._nonsense(f"it wants to go on at {offset:,}")
        self.start = self._sent = self.confirmed = offset
        self._window = window
        self.agreed = offset == 0

    def _progressed(self, offset: int) -> None:
        if self.start is None or not self.confirmed <= offset <= self._sent:
            raise self._nonsense(f"it confirmed {offset:,} bytes of {self._sent:,}")
        self.agreed = True
        self.confirmed = offset

    def _nonsense(self, what: str) -> TransferError:
        return TransferError(f"{self._peer_id} breaks the format: {what}", code=FileCode.BAD_MESSAGE)

"""A file that is read to be sent."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from heliograph.errors import TransferError
from heliograph.files.prefix import PrefixHash, checkpoint_after

__all__ = ["CHANGED", "Source"]

CHANGED = "CHANGED"
"""The code of the error for a file that changes while it is sent."""
MAX_SNAPSHOTS = 64
"""Hashes kept of earlier checkpoints, which the receiver may not have confirmed."""


class Source:
    """The file, its size when it was opened, and the hash of what has been read. Its methods block: use a thread."""

    def __init__(self, path: Path) -> None:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # opening a pipe would wait for a writer
            raise TransferError(f"{path.name} is not a file", code=CHANGED)
        self._file = path.open("rb", buffering=0)
        self._opened = os.fstat(self._file.fileno())
        self._name = path.name
        self._hash = hashlib.sha256()
        self._snapshots = {0: self._hash.copy()}
        self.mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.offset = 0
        """Where the next chunk begins."""

    @classmethod
    def open(cls, path: str | Path, stack: ExitStack) -> Self:
        """Open a regular file, which the stack closes. Raises OSError, or `TransferError` for a pipe or a device."""
        source = cls(Path(path))
        stack.callback(source.close)
        return source

    @property
    def size(self) -> int:
        """Bytes."""
        return self._opened.st_size

    @property
    def modified_ms(self) -> int:
        """When it was changed last, in Unix milliseconds."""
        return self._opened.st_mtime_ns // 1_000_000

    @property
    def sha256(self) -> str:
        """The SHA-256 of everything before `offset`, in hexadecimal."""
        return self._hash.hexdigest()

    def prefix(self, until: int) -> PrefixHash | None:
        """What has to be hashed before reading can go on at `until`; None if that is known already."""
        if until in self._snapshots:
            self._continue(until, self._snapshots[until].copy())
            return None
        return PrefixHash(self._file, until)

    def continue_after(self, prefix: PrefixHash, until: int) -> None:
        """Read on where the prefix ends. Raises `TransferError` if the file did not reach `until`."""
        if prefix.offset != until:
            raise self._changed()
        self._continue(until, prefix.state)

    def read(self) -> tuple[bytes, str]:
        """The next chunk, and the SHA-256 of everything up to its end. Raises `TransferError` if the file changed."""
        end = checkpoint_after(self.offset, self.size)
        self._file.seek(self.offset)
        pieces = bytearray()
        while piece := self._file.read(end - self.offset - len(pieces)):
            pieces += piece
        now = os.fstat(self._file.fileno())
        if len(pieces) < end - self.offset or (now.st_size, now.st_mtime_ns) != (self.size, self._opened.st_mtime_ns):
            raise self._changed()
        self._hash.update(pieces)
        self.offset = end
        self._snapshots[end] = self._hash.copy()
        while len(self._snapshots) > MAX_SNAPSHOTS:
            del self._snapshots[min(key for key in self._snapshots if key > 0)]
        return bytes(pieces), self.sha256

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _continue(self, offset: int, state: hashlib._Hash) -> None:
        self.offset, self._hash = offset, state

    def _changed(self) -> TransferError:
        return TransferError(f"{self._name} changed while it was sent", code=CHANGED)

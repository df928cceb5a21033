"""A file that is growing: under a temporary name, with a journal of what of it is verified."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from heliograph.errors import TransferError
from heliograph.files.lock import FileLock
from heliograph.files.nowhere import extended
from heliograph.files.prefix import PrefixHash
from heliograph.unreadable import UNREADABLE
from heliograph_protocol.datachannel import FileCode

__all__ = ["JOURNAL_SUFFIX", "PART_SUFFIX", "Partial", "cannot_write"]

PART_SUFFIX = ".part"
JOURNAL_SUFFIX = ".journal"
MAX_JOURNAL_BYTES = 64 * 1024**2
"""Of a file of 800 GB; what lies beyond is not resumed."""

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)  # on Windows
_line = msgspec.json.Decoder(tuple[int, str])


class Partial:
    """The first bytes of a file, `<stem>.part`, and beside it `<stem>.journal`: a line for every checkpoint.

    Whoever has one has the lock on it. What the journal says is only believed after hashing what is in the file, so
    neither a torn write nor a lost one does harm. All methods block: call them from a thread. They raise
    `TransferError` with the code that the sender is to be told.
    """

    def __init__(self, stem: Path, lock: FileLock, file: BinaryIO) -> None:
        self._stem = stem
        self._lock = lock
        self._file = file
        self._hash = hashlib.sha256()
        self.offset = 0
        """How many bytes are verified and written."""

    @classmethod
    def open(cls, stem: Path, lock: FileLock) -> Self:
        """Open it, empty if there was none.

        One that has another name too was given it just before this program was killed: it is a file of the user's by
        now, which is not written to.
        """
        path = stem.with_name(stem.name + PART_SUFFIX)
        flags = os.O_RDWR | os.O_CREAT | _NO_LINKS | _BINARY
        try:
            fd = os.open(path, flags, 0o666)
            if os.fstat(fd).st_nlink > 1:
                os.close(fd)
                path.unlink()
                fd = os.open(path, flags | os.O_EXCL, 0o666)
        except OSError as error:
            raise cannot_write(error) from error
        return cls(stem, lock, os.fdopen(fd, "r+b"))

    @property
    def path(self) -> Path:
        """Where its content is."""
        return self._stem.with_name(self._stem.name + PART_SUFFIX)

    @property
    def sha256(self) -> str:
        """The SHA-256 of its verified bytes, in hexadecimal."""
        return self._hash.hexdigest()

    def recorded(self) -> PrefixHash:
        """What was written in an earlier attempt, to be hashed again."""
        known = [(offset, sha256) for offset, sha256, _ in self._lines()]
        return PrefixHash(self._file, known[-1][0] if known else 0, expected=known)

    def truncate(self, prefix: PrefixHash | None = None) -> None:
        """Keep what the prefix verified, or nothing."""
        self.offset = 0 if prefix is None else prefix.offset
        self._hash = hashlib.sha256() if prefix is None else prefix.state
        kept = max((end for offset, _, end in self._lines() if offset <= self.offset), default=0)
        try:
            self._lock.file.truncate(kept)
            self._lock.file.seek(kept)
            self._file.truncate(self.offset)
            self._file.seek(self.offset)
        except OSError as error:
            raise cannot_write(error) from error

    def append(self, content: bytes, sha256: str) -> None:
        """Add the content that the sender's hash of everything up to its end vouches for."""
        longer = extended(self._hash, content, sha256)
        try:
            self._file.write(content)
            self._file.flush()
            self._lock.file.write(b'[%d,"%s"]\n' % (self.offset + len(content), sha256.encode()))
            self._lock.file.flush()
        except OSError as error:
            raise cannot_write(error) from error
        self._hash = longer
        self.offset += len(content)

    def sync(self, modified_ms: int | None) -> None:
        """Make sure that the content is on the disk, not only on its way there; set the time of its last change."""
        try:
            self._file.flush()
            if modified_ms is not None:
                _set_modified(self.path, modified_ms)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise cannot_write(error) from error

    def close(self) -> None:
        """Leave it for a later attempt; what nothing was written to is removed."""
        if not self._file.closed and os.fstat(self._file.fileno()).st_size == 0:
            self.discard()
        self._file.close()
        self._lock.release()

    def discard(self) -> None:
        """Remove it, unless it has got a name of its own meanwhile; `close` it as well."""
        self._file.close()
        self.path.unlink(missing_ok=True)
        self._lock.path.unlink(missing_ok=True)

    def _lines(self) -> list[tuple[int, str, int]]:
        """The journal's entries, each with where in the journal it ends; a torn one ends them."""
        lines: list[tuple[int, str, int]] = []
        self._lock.file.seek(0)
        end = 0
        for line in self._lock.file.read(MAX_JOURNAL_BYTES).splitlines(keepends=True):
            try:
                offset, sha256 = _line.decode(line)
            except UNREADABLE:
                break
            end += len(line)
            lines.append((offset, sha256, end))
        return lines


def cannot_write(error: OSError) -> TransferError:
    """What the sender is told of a failure of the disk: no paths."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return TransferError("The receiver's disk is full", code=FileCode.NO_SPACE)
    words = os.strerror(error.errno) if error.errno else "it failed"
    return TransferError(f"The receiver cannot write the file: {words}", code=FileCode.CANNOT_WRITE)


def _set_modified(path: Path, modified_ms: int) -> None:
    try:
        os.utime(path, ns=(modified_ms * 1_000_000, modified_ms * 1_000_000))
    except (OSError, OverflowError):
        return  # a time that this file system cannot have: that of arrival will do

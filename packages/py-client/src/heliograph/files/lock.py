"""A lock on a file, against others in this process and, where the system has that, in other processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Self

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["FileLock"]

_held: set[Path] = set()
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class FileLock:
    """The file that is locked, open for reading and writing. It is made if it is not there."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.file = file

    @classmethod
    def acquire(cls, path: Path) -> Self | None:
        """Take the lock, or return None at once if somebody has it. Raises OSError."""
        if path in _held:
            return None
        _held.add(path)
        try:
            file = _open_locked(path)
        except BaseException:
            _held.discard(path)
            raise
        if file is None:
            _held.discard(path)
            return None
        return cls(path, file)

    def release(self) -> None:
        """Let others have it. Safe to repeat."""
        if not self.file.closed:
            self.file.close()
            _held.discard(self.path)


def _open_locked(path: Path) -> BinaryIO | None:
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINKS | _BINARY, 0o666), "r+b")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        except BlockingIOError:
            file.close()
            return None
        except BaseException:
            file.close()
            raise
        file.close()  # its last owner removed it just now: there is another one, or none

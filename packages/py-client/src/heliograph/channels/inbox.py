"""Where a received file goes: under a temporary name while it grows, under its own when it is whole."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from heliograph.errors import TransferError

__all__ = ["IncomingFile", "bare_file_name"]

MAX_NAME_BYTES = 200
"""Leaves room in the 255 bytes of most file systems for what is added to a name."""
MAX_SAME_NAMES = 1000
_NOT_IN_WINDOWS_NAMES = frozenset('<>:"|?*')


def bare_file_name(name: str) -> str:
    """What is left of a name that a stranger sent: no path, no control characters, nothing hidden, never empty."""
    bare = name.replace("\\", "/").rsplit("/", 1)[-1]
    bare = "".join(c for c in bare if c.isprintable() and c not in _NOT_IN_WINDOWS_NAMES).strip().lstrip(".")
    while len(bare.encode()) > MAX_NAME_BYTES:
        stem, dot, suffix = bare.rpartition(".")
        bare = f"{stem[:-1]}{dot}{suffix}" if stem else suffix[:-1]
    return bare or "unnamed"


class IncomingFile:
    """A file being received. Its methods block: call them from a thread. Leaving without `keep` leaves nothing behind.

    With `into=None` the content is hashed and forgotten.
    """

    def __init__(self, name: str, *, into: Path | None) -> None:
        self._name = bare_file_name(name)
        self._into = into
        self._hash = hashlib.sha256()
        self._part = None if into is None else into / f".{secrets.token_hex(8)}.part"
        self._file: BinaryIO | None = None

    @property
    def sha256(self) -> str:
        """The SHA-256 of what has been written, in hexadecimal."""
        return self._hash.hexdigest()

    def __enter__(self) -> Self:
        if self._into is not None and self._part is not None:
            try:
                self._into.mkdir(parents=True, exist_ok=True)
                self._file = self._part.open("xb")
            except OSError as error:
                raise TransferError(f"Cannot write to {self._into}: {error}", code="NOT_WANTED") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)

    def write(self, block: Iterable[bytes]) -> None:
        """Append."""
        content = b"".join(block)
        self._hash.update(content)
        if self._file is not None:
            try:
                self._file.write(content)
            except OSError as error:
                raise TransferError(f"Cannot write {self._name}: {error}", code="NOT_WANTED") from error

    def keep(self) -> Path | None:
        """Give the file its own name and return its path; an existing file is never overwritten."""
        if self._file is None or self._part is None or self._into is None:
            return None
        self._file.close()
        path = _reserve(self._into, self._name)
        os.replace(self._part, path)  # noqa: PTH105 - the function's name says that the target goes
        return path


def _reserve(directory: Path, name: str) -> Path:
    stem, suffix = Path(name).stem, Path(name).suffix
    for attempt in range(MAX_SAME_NAMES):
        path = directory / (name if attempt == 0 else f"{stem} ({attempt}){suffix}")
        try:
            path.open("xb").close()
        except FileExistsError:
            continue
        return path
    raise TransferError(f"There are {MAX_SAME_NAMES} files named {name} already", code="NOT_WANTED")

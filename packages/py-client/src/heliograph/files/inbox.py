"""The directory that files are received into: their final names, and the partial files under temporary ones."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from heliograph.errors import TransferError
from heliograph.files.lock import FileLock
from heliograph.files.names import bare_file_name, bare_folder
from heliograph.files.partial import JOURNAL_SUFFIX, PART_SUFFIX, Partial, cannot_write
from heliograph_protocol.datachannel import FileCode, FileHeader

__all__ = ["Existing", "Inbox"]

Existing = Literal["rename", "replace", "refuse"]
"""What becomes of a file whose name is taken: `a (1).bin`, in the other's place, or nothing."""

MAX_SAME_NAMES = 1000
MAX_SAME_PARTIALS = 16
"""Transfers of the same file to the same place at once."""
MAX_PARTIALS = 256
"""Unfinished files kept in one directory; beyond it, the oldest goes."""
PARTIAL_MAX_AGE_S = 7 * 86_400.0
"""An unfinished file that nobody has gone on with for so long is removed."""
_PREFIX = ".heliograph-"


class Inbox:
    """Where one offered file goes. All methods block: call them from a thread. They raise `TransferError`."""

    def __init__(
        self, into: Path, header: FileHeader, *, existing: Existing, clock: Callable[[], float] = time.time
    ) -> None:
        self._name = bare_file_name(header.name)
        self._folder = bare_folder(header.folder)
        self._directory = into.joinpath(*self._folder)
        self._into = into
        self._header = header
        self._existing = existing
        self._clock = clock

    @property
    def target(self) -> Path:
        """The file's path if nothing is there."""
        return self._directory / self._name

    def prepare(self) -> None:
        """Make the directory. A link on the way, which could lead elsewhere, is refused."""
        try:
            self._into.mkdir(parents=True, exist_ok=True)
            directory = self._into
            for name in self._folder:
                directory /= name
                if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
                    raise TransferError("There is no such folder to write to", code=FileCode.BAD_NAME)
                directory.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(error) from error

    def same(self, stack: ExitStack) -> BinaryIO | None:
        """The file that is there already under this name, if it may well be the same: as long, and as old.

        The stack closes it.
        """
        try:
            status = self.target.lstat()
            if status.st_size != self._header.size or status.st_mtime_ns // 1_000_000 != self._header.modified_ms:
                return None
            if self.target.is_symlink() or not self.target.is_file():
                return None
            return stack.enter_context(self.target.open("rb"))
        except OSError:
            return None  # then it is received once more

    def check_free(self) -> None:
        """Refuse early what cannot be kept in the end."""
        if self._existing == "refuse" and os.path.lexists(self.target):
            raise TransferError(f"There is a {self._name} already", code=FileCode.EXISTS)
        if self._existing == "replace" and self.target.is_dir():
            raise TransferError(f"{self._name} is a directory here", code=FileCode.EXISTS)

    def claim(self, stack: ExitStack, seen: dict[Path, int], *, patient: bool) -> Partial | None:
        """The partial file to go on with, or a new one. The stack closes it.

        None if another attempt has it, and may be about to end, for it has not grown: ask again soon, with the same
        `seen`. One that grows is left to its owner, and without `patient` they all are.
        """
        self._sweep()
        identity = [self._folder, self._name, self._header.size, self._header.modified_ms]
        key = hashlib.sha256(msgspec.json.encode(identity)).hexdigest()[:20]
        for number in range(MAX_SAME_PARTIALS):
            stem = self._directory / f"{_PREFIX}{key}-{number}"
            part = stem.with_name(stem.name + PART_SUFFIX)
            try:
                lock = FileLock.acquire(stem.with_name(stem.name + JOURNAL_SUFFIX))
                size = part.stat().st_size if lock is None and part.exists() else 0
            except OSError as error:
                raise cannot_write(error) from error
            if lock is not None:
                stack.callback(lock.release)
                partial = Partial.open(stem, lock)
                stack.callback(partial.close)
                return partial
            if patient and seen.setdefault(stem, size) == size:
                return None
        raise TransferError(f"{self._name} is being received too often at once", code=FileCode.NOT_WANTED)

    def check_space(self, wanted_bytes: int) -> None:
        """Refuse what the disk has no room for now."""
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError as error:
            raise cannot_write(error) from error
        if wanted_bytes > free:
            raise TransferError("The receiver's disk is too full for it", code=FileCode.NO_SPACE)

    def keep(self, partial: Partial) -> Path:
        """Give the complete file its name, all at once, so that it survives a power cut."""
        partial.sync(self._header.modified_ms)
        try:
            path = self._replace(partial) if self._existing == "replace" else self._add(partial)
            partial.discard()
            _sync_directory(self._directory)
        except OSError as error:
            raise cannot_write(error) from error
        return path

    def _replace(self, partial: Partial) -> Path:
        os.replace(partial.path, self.target)  # noqa: PTH105 - the function's name says that the target goes
        return self.target

    def _add(self, partial: Partial) -> Path:
        stem, suffix = self.target.stem, self.target.suffix
        for attempt in range(MAX_SAME_NAMES):
            path = self.target if attempt == 0 else self._directory / f"{stem} ({attempt}){suffix}"
            try:
                _link(partial.path, path)
            except FileExistsError:
                self.check_free()
                continue
            return path
        raise TransferError(f"There are {MAX_SAME_NAMES} files named {self._name} already", code=FileCode.EXISTS)

    def _sweep(self) -> None:
        """Remove unfinished files that are too old or too many, unless somebody is at work on them."""
        found: list[tuple[float, Path]] = []
        try:
            with os.scandir(self._directory) as entries:
                found += [
                    (entry.stat(follow_symlinks=False).st_mtime, Path(entry.path))
                    for entry in entries
                    if entry.name.startswith(_PREFIX) and entry.name.endswith(JOURNAL_SUFFIX)
                ]
        except FileNotFoundError:
            return  # one of them was finished just now; the next sweep will do
        except OSError as error:
            raise cannot_write(error) from error
        found.sort()
        for number, (changed, journal) in enumerate(found):
            too_many = number < len(found) - MAX_PARTIALS
            if too_many or changed < self._clock() - PARTIAL_MAX_AGE_S:
                _remove(journal)


def _remove(journal: Path) -> None:
    try:
        lock = FileLock.acquire(journal)
        if lock is not None:
            journal.with_name(journal.name.removesuffix(JOURNAL_SUFFIX) + PART_SUFFIX).unlink(missing_ok=True)
            journal.unlink(missing_ok=True)
            lock.release()
    except OSError as error:
        raise cannot_write(error) from error


def _link(part: Path, path: Path) -> None:
    """Give a file its name, unless that is taken: FileExistsError.

    On a file system without hard links, a program that is killed just then leaves an empty file with the name.
    """
    try:
        os.link(part, path, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # a file system without hard links: an empty file holds the name a moment
        path.open("xb").close()
        os.replace(part, path)  # noqa: PTH105


def _sync_directory(directory: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows cannot
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

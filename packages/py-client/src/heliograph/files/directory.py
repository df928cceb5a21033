"""Sending what is in a directory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from heliograph.errors import TransferError
from heliograph.files.offer import SentFile
from heliograph.files.send import OpensChannels, send_file
from heliograph.files.threads import in_thread
from heliograph_protocol.datachannel import MAX_FOLDERS

__all__ = ["FILES_AT_ONCE", "send_directory"]

FILES_AT_ONCE = 4
MAX_FILES = 100_000


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    folder: tuple[str, ...]
    size: int


async def send_directory(
    connection: OpensChannels,
    path: str | Path,
    *,
    name: str | None = None,
    at_once: int = FILES_AT_ONCE,
    progress: Callable[[int, int], None] | None = None,
) -> list[SentFile]:
    """Send every regular file in the directory at `path` and the ones below it; the receiver makes the same folders.

    `connection` is a `Connection`, on which `at_once` files are on their way at the same time. The outermost folder has
    the directory's name, or `name`. Links and empty directories are left out. `progress` is called with the bytes that
    the receiver has verified and the bytes in all. Raises what `send_file` raises, for the first file that fails, and
    cancels the others; `TransferError` for over 100,000 files or 32 levels.
    """
    entries = await in_thread(_entries, Path(path), name)
    total = sum(entry.size for entry in entries)
    done: dict[_Entry, int] = {}
    done_in_all = 0
    waiting = iter(entries)
    sent: dict[_Entry, SentFile] = {}

    def count(entry: _Entry, done_bytes: int, _size: int) -> None:
        nonlocal done_in_all
        done_in_all += done_bytes - done.get(entry, 0)
        done[entry] = done_bytes
        if progress is not None:
            progress(done_in_all, total)

    async def lane() -> None:
        for entry in waiting:
            on_progress = partial(count, entry)
            sent[entry] = await send_file(connection, entry.path, folder=entry.folder, progress=on_progress)

    lanes = [asyncio.ensure_future(lane()) for _ in range(at_once)]
    try:
        await asyncio.gather(*lanes)
    finally:
        for task in lanes:
            task.cancel()
        await asyncio.wait(lanes)
    return [sent[entry] for entry in entries]


def _entries(path: Path, name: str | None) -> list[_Entry]:
    """The files with their folders, sorted, so that two runs send in the same order."""
    top = name or path.resolve().name or "files"
    entries: list[_Entry] = []

    def fail(error: OSError) -> None:
        raise error

    for here, folders, files in os.walk(path, onerror=fail):
        folders.sort()
        folder = (top, *Path(here).relative_to(path).parts)
        if len(folder) > MAX_FOLDERS:
            raise TransferError(f"{path.name} is over {MAX_FOLDERS} levels deep")
        for file in sorted(files):
            source = Path(here, file)
            if source.is_file() and not source.is_symlink():
                entries.append(_Entry(source, folder, source.stat().st_size))
        if len(entries) > MAX_FILES:
            raise TransferError(f"{path.name} has over {MAX_FILES:,} files")
    return entries

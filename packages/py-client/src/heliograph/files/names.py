"""What is left of the names that a stranger sends."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from heliograph.errors import TransferError
from heliograph_protocol.datachannel import FileCode

__all__ = ["bare_file_name", "bare_folder", "sendable_name"]

MAX_NAME_BYTES = 200
"""Leaves room in the 255 bytes of most file systems for what is added to a name."""
_NOT_IN_WINDOWS_NAMES = frozenset('<>:"|?*')
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{device}{number}" for device in ("com", "lpt") for number in "123456789\u00b9\u00b2\u00b3"]
)
"""Device names of Windows, with any suffix."""
_SURROGATES = re.compile("[\ud800-\udfff]")


def bare_file_name(name: str) -> str:
    """A name that is safe on any system: no path, no control or invisible characters, not hidden, never empty.

    It is in Unicode's composed form (NFC), so that one name is one file on every file system.
    """
    bare = name.replace("\\", "/").rsplit("/", 1)[-1]
    bare = "".join(c for c in bare if c.isprintable() and c not in _NOT_IN_WINDOWS_NAMES)
    bare = _short(unicodedata.normalize("NFC", bare.strip().lstrip(". "))).strip(". ")
    if bare.partition(".")[0].strip().casefold() in _RESERVED:
        bare = f"_{bare}"
    return bare or "unnamed"


def sendable_name(name: str) -> str:
    """A name of this system as it can be sent: U+FFFD for each byte, or on Windows each unit, that is no Unicode."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", name)


def bare_folder(folder: Sequence[str]) -> tuple[str, ...]:
    """The names of the folders to make, outermost first. Raises `TransferError` for any that would lead elsewhere."""
    for name in folder:
        if not name.strip(". ") or any(c in name for c in "/\\\0"):
            raise TransferError("A folder's name is no name", code=FileCode.BAD_NAME)
    return tuple(bare_file_name(name) for name in folder)


def _short(name: str) -> str:
    while len(name.encode()) > MAX_NAME_BYTES:
        stem, dot, suffix = name.rpartition(".")
        name = f"{stem[:-1]}{dot}{suffix}" if stem else suffix[:-1]
    return name

"""What is known of a file before, and after, it has been sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FileOffer", "Progress", "ReceivedFile", "SentFile"]

Progress = Callable[[int, int], None]
"""Called with the bytes that the receiver has verified and the bytes in all."""


@dataclass(frozen=True, slots=True)
class FileOffer:
    """What a sender says about a file before its content.

    `name` is a bare file name, `size` in bytes, `mime` the sender's guess at the type, `peer_id` the sender; `folder`
    has the names of the folders that it lies in, where a directory is sent.
    """

    name: str
    size: int
    mime: str
    peer_id: str
    folder: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that has arrived: the receiver computed the same SHA-256.

    It was sent as `name` in `folder`; `size` is in bytes, `sha256` in hexadecimal digits.
    `resumed_at` is where the last attempt began, in bytes: what came before, the receiver had already.
    """

    name: str
    size: int
    sha256: str
    folder: tuple[str, ...] = ()
    resumed_at: int = 0


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that has arrived whole. `path` is where it is, None if only its hash was wanted.

    `name` is what it is called there, `folder` the folders in which it lies, `size` in bytes, `sha256` in hexadecimal
    digits, `mime` the sender's guess at the type, `peer_id` the sender.
    `resumed_at` is where the last attempt began, in bytes: what came before was there already.
    """

    name: str
    size: int
    sha256: str
    mime: str
    path: Path | None
    peer_id: str = ""
    folder: tuple[str, ...] = ()
    resumed_at: int = 0

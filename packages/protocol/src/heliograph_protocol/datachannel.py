"""What SDKs say to each other on a data channel, once they have one: the file transfer's control messages.

A file travels over a channel of its own, labelled `file`, ordered and reliable, opened by its sender. Text frames are
control messages, binary frames are content. In this order:

1. the sender offers the file: `FileHeader`;
2. the receiver answers with the offset up to which it has the content already: `FileAccepted`;
3. the sender says what its content up to there hashes to, in a `FileCheckpoint` at that offset. If the offset is 0, the
   content follows. Otherwise the sender waits until the receiver agrees, with a `FileProgress` at that offset, or
   starts over, with a `FileAccepted` at another one, which may happen twice;
4. the content follows, in binary frames of at most `FRAME_BYTES`, a `FileCheckpoint` after every `CHUNK_BYTES` of the
   file and after its last byte. The receiver verifies each and tells with `FileProgress`; the sender never is further
   ahead of that than `window` bytes;
5. when the last checkpoint, at `size`, is verified and the file is safe, the receiver answers `FileReceived`, and the
   sender closes the channel.

At any time the receiver may send `FileRefused`, and the sender `FileCancelled`; then it is over. A channel that closes
before that has interrupted the transfer: the sender offers the file again, with the same `transfer_id`, on another one.

A chat goes over the channel labelled `chat`: each text frame is one message, as it is.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

__all__ = [
    "CHAT_LABEL",
    "CHUNK_BYTES",
    "FILE_LABEL",
    "FRAME_BYTES",
    "MAX_FOLDERS",
    "WINDOW_BYTES",
    "FileAccepted",
    "FileCancelled",
    "FileChecking",
    "FileCheckpoint",
    "FileCode",
    "FileControl",
    "FileHeader",
    "FileProgress",
    "FileReceived",
    "FileRefused",
]

CHAT_LABEL = "chat"
FILE_LABEL = "file"
FRAME_BYTES = 65_536
"""The most content that one binary frame holds."""
CHUNK_BYTES = 1_048_576
"""There is a checkpoint at every multiple of this, and at the end."""
WINDOW_BYTES = 8 * CHUNK_BYTES
"""How far the sender may be ahead of the receiver's last word, unless that says otherwise."""
MAX_FOLDERS = 32
"""How deep a file may lie."""

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Sha256Hex = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="SHA-256, 64 lower-case hex digits")]
Bytes = Annotated[int, Meta(ge=0, le=2**53 - 1, description="Bytes")]
Window = Annotated[int, Meta(ge=CHUNK_BYTES, le=2**53 - 1, description="Bytes, at least a chunk")]


class FileCode(StrEnum):
    """The `code` of a `FileRefused`. Stable: programs branch on it."""

    NOT_WANTED = "NOT_WANTED"
    TOO_BIG = "TOO_BIG"
    BAD_NAME = "BAD_NAME"
    EXISTS = "EXISTS"
    NO_SPACE = "NO_SPACE"
    CANNOT_WRITE = "CANNOT_WRITE"
    CANCELLED = "CANCELLED"
    BAD_MESSAGE = "BAD_MESSAGE"
    SIZE_MISMATCH = "SIZE_MISMATCH"
    CHECKSUM_MISMATCH = "CHECKSUM_MISMATCH"


class FileHeader(Struct, frozen=True, kw_only=True, tag_field="type", tag="file"):
    """Offers a file. `name` is a bare file name: a receiver drops any path in it.

    `folder` has the names of the folders that the file lies in, outermost first, for a directory that is sent.
    `modified_ms` is when the content changed last, in Unix milliseconds. `transfer_id` is random and the same each time
    that one transfer starts again.
    """

    name: Name
    size: Bytes
    mime: Annotated[str, Meta(max_length=255)] = "application/octet-stream"
    folder: Annotated[list[Name], Meta(max_length=MAX_FOLDERS)] = []
    modified_ms: Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)] | None = None
    transfer_id: Annotated[str, Meta(max_length=64)] = ""


class FileAccepted(Struct, frozen=True, kw_only=True, tag_field="type", tag="accepted"):
    """The receiver takes the file, and has the first `offset` bytes of what may be the same content.

    The offset is a multiple of `CHUNK_BYTES`, or the file's size.
    """

    offset: Bytes = 0
    window: Window = WINDOW_BYTES


class FileCheckpoint(Struct, frozen=True, kw_only=True, tag_field="type", tag="checkpoint"):
    """The sender's hash of the file's first `offset` bytes."""

    offset: Bytes
    sha256: Sha256Hex


class FileProgress(Struct, frozen=True, kw_only=True, tag_field="type", tag="progress"):
    """The receiver has the first `offset` bytes, and they are the sender's."""

    offset: Bytes


class FileChecking(Struct, frozen=True, kw_only=True, tag_field="type", tag="checking"):
    """This side is busy, and not gone: it asks a person, or hashes what it has already."""


class FileReceived(Struct, frozen=True, kw_only=True, tag_field="type", tag="received"):
    """The receiver has it all under its final name, and this is what it computed itself."""

    size: Bytes
    sha256: Sha256Hex


class FileRefused(Struct, frozen=True, kw_only=True, tag_field="type", tag="refused"):
    """The receiver will not take it, or stops taking it. `code` is one of `FileCode`."""

    code: str
    message: str = ""


class FileCancelled(Struct, frozen=True, kw_only=True, tag_field="type", tag="cancelled"):
    """The sender will not go on, and not try again by itself."""

    message: str = ""


FileControl = (
    FileHeader
    | FileAccepted
    | FileCheckpoint
    | FileProgress
    | FileChecking
    | FileReceived
    | FileRefused
    | FileCancelled
)

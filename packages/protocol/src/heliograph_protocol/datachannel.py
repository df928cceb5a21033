"""What SDKs say to each other on a data channel, once they have one: the file transfer's control messages.

A file travels over a channel of its own, labelled `file`, ordered and reliable, opened by its sender:

1. the sender sends a `FileHeader` (text frame),
2. then exactly `size` bytes in binary frames of at most `CHUNK_BYTES`,
3. then a `FileEnd` with the SHA-256 of the content,
4. the receiver answers `FileReceived`, or at any time `FileRefused`; the sender then closes the channel.

A chat goes over the channel labelled `chat`: each text frame is one message, as it is.
"""

from typing import Annotated

from msgspec import Meta, Struct

__all__ = [
    "CHAT_LABEL",
    "CHUNK_BYTES",
    "FILE_LABEL",
    "FileControl",
    "FileEnd",
    "FileHeader",
    "FileReceived",
    "FileRefused",
]

CHAT_LABEL = "chat"
FILE_LABEL = "file"
CHUNK_BYTES = 65_536

Sha256Hex = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="SHA-256, 64 lower-case hex digits")]
SizeBytes = Annotated[int, Meta(ge=0, description="Bytes")]


class FileHeader(Struct, frozen=True, kw_only=True, tag_field="type", tag="file"):
    """Announces a file. `name` is a bare file name: a receiver drops any path in it."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    size: SizeBytes
    mime: str = "application/octet-stream"


class FileEnd(Struct, frozen=True, kw_only=True, tag_field="type", tag="end"):
    """All content has been sent."""

    sha256: Sha256Hex


class FileReceived(Struct, frozen=True, kw_only=True, tag_field="type", tag="received"):
    """The receiver has it all, and this is what it computed itself."""

    size: SizeBytes
    sha256: Sha256Hex


class FileRefused(Struct, frozen=True, kw_only=True, tag_field="type", tag="refused"):
    """The receiver will not take it: `TOO_BIG`, `CHECKSUM_MISMATCH`, `SIZE_MISMATCH`, `NOT_WANTED`, `BAD_HEADER`."""

    code: str
    message: str = ""


FileControl = FileHeader | FileEnd | FileReceived | FileRefused

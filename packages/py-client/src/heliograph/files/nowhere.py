"""Content of which only the hash is wanted."""

from __future__ import annotations

import hashlib

from heliograph.errors import TransferError
from heliograph_protocol.datachannel import FileCode

__all__ = ["Nowhere", "extended"]


def extended(known: hashlib._Hash, content: bytes, sha256: str) -> hashlib._Hash:
    """The hash of what is known and this content. Raises `TransferError` if it is not the one that the sender has."""
    longer = known.copy()
    longer.update(content)
    if longer.hexdigest() != sha256:
        raise TransferError("The checksum does not match", code=FileCode.CHECKSUM_MISMATCH)
    return longer


class Nowhere:
    """Has the hash of what was appended, and not the content."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The SHA-256 of everything appended, in hexadecimal."""
        return self._hash.hexdigest()

    def append(self, content: bytes, sha256: str) -> None:
        """Add content that has this hash together with everything before it."""
        self._hash = extended(self._hash, content, sha256)

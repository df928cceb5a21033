"""The hash of the start of a file, computed step by step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import BinaryIO, Self

from heliograph.files.threads import in_thread
from heliograph_protocol.datachannel import CHUNK_BYTES

__all__ = ["PrefixHash", "checkpoint_after"]

STEP_BYTES = 8 * CHUNK_BYTES
"""Read and hashed at once."""


class PrefixHash:
    """The SHA-256 of a file's first bytes, up to `until`, or for as long as they agree with the `expected` hashes.

    `expected` has (offset, hexadecimal SHA-256 of all bytes before it), each at the end of a chunk, ascending.
    `step` blocks: `run` calls it from a thread.
    """

    def __init__(self, file: BinaryIO, until: int, *, expected: Iterable[tuple[int, str]] | None = None) -> None:
        self._file = file
        self._expected = None if expected is None else dict(expected)
        self._until = until
        self._hash = hashlib.sha256()
        self.offset = 0

    @property
    def state(self) -> hashlib._Hash:
        """The hash of the first `offset` bytes, to be continued."""
        return self._hash.copy()

    @property
    def sha256(self) -> str:
        """The same in hexadecimal."""
        return self._hash.hexdigest()

    async def run(self) -> Self:
        """Hash all of it."""
        while await in_thread(self.step):
            pass
        return self

    def step(self) -> bool:
        """Hash a bounded piece more; False if that was the last, because all is hashed or the file does not go on."""
        end = min(self._until, self.offset + STEP_BYTES)
        while self.offset < end:
            if not self._chunk():
                return False
        return self.offset < self._until

    def _chunk(self) -> bool:
        boundary = checkpoint_after(self.offset, self._until)
        self._file.seek(self.offset)
        content = self._file.read(boundary - self.offset)
        if len(content) < boundary - self.offset:
            return False
        longer = self._hash.copy()
        longer.update(content)
        if self._expected is not None and self._expected.get(boundary) != longer.hexdigest():
            return False
        self._hash, self.offset = longer, boundary
        return True


def checkpoint_after(offset: int, size: int) -> int:
    """Where the chunk ends that begins at `offset`."""
    return min(size, (offset // CHUNK_BYTES + 1) * CHUNK_BYTES)

"""Messages to frames and back on one channel: large ones in pieces. No I/O.

The format is that of `heliograph_protocol.splitting`.

```python
splitting = Splitting(reliable=True)
for frame in splitting.frames("x" * 1_000_000, 262_144): ...   # on one side
message = splitting.take(frame)                                # on the other; None until it is whole
```
"""

from __future__ import annotations

import itertools
from bisect import bisect
from collections.abc import Iterator

from heliograph_protocol.splitting import (
    FRAGMENT_HEADER_BYTES,
    MAX_JOINING_MESSAGES,
    MAX_SPLIT_MESSAGE_BYTES,
    SPLIT_MAGIC,
    Abandoned,
    Fragment,
    Hello,
    InvalidFragment,
    decode_split_frame,
    encode_split_frame,
)

__all__ = ["FRAGMENT_BYTES", "Splitting"]

FRAGMENT_BYTES = 64 * 1024
"""A frame of a split message, header included. Small enough that other channels get their turn in between."""
MAX_JOINING_BYTES = 2 * MAX_SPLIT_MESSAGE_BYTES
"""Content of messages that are not whole yet."""


class Splitting:
    """Both directions of one channel that splits.

    On a `reliable` channel everything arrives, so what stays incomplete breaks the format; on others it is forgotten.
    """

    def __init__(self, *, reliable: bool) -> None:
        self._reliable = reliable
        self._numbers = itertools.count()
        self._joining: dict[int, _Joining] = {}
        self.greeted = False

    @property
    def joining_bytes(self) -> int:
        """What has arrived of messages that are not whole yet."""
        return sum(joining.received for joining in self._joining.values())

    def forget(self) -> None:
        """Nothing more will come: what is not whole yet is dropped."""
        self._joining.clear()

    @staticmethod
    def hello() -> bytes:
        """The first frame of the side that did not open the channel."""
        return encode_split_frame(Hello())

    @staticmethod
    def is_plain(message: str | bytes, size: int, limit: int) -> bool:
        """Whether a message of `size` bytes travels as it is, in one frame of `limit` bytes at most."""
        return size <= limit and not (isinstance(message, bytes) and message.startswith(SPLIT_MAGIC))

    def frames(self, message: str | bytes, limit: int) -> tuple[int, Iterator[bytes]]:
        """The number of a message that is not plain, and its fragments: frames of `limit` bytes at most."""
        content = message.encode() if isinstance(message, str) else message
        number = next(self._numbers) % 2**32
        step = min(FRAGMENT_BYTES, limit) - FRAGMENT_HEADER_BYTES
        return number, (
            encode_split_frame(
                Fragment(number, isinstance(message, str), len(content), start, content[start : start + step])
            )
            for start in range(0, len(content), step)
        )

    @staticmethod
    def abandon(number: int) -> bytes:
        """The frame that says that the rest of a message will not come."""
        return encode_split_frame(Abandoned(number))

    def take(self, frame: str | bytes) -> str | bytes | None:
        """A frame has arrived: the message that it is or completes, or None. Raises `InvalidFragment`."""
        decoded = None if isinstance(frame, str) else decode_split_frame(frame)
        match decoded:
            case None:
                return frame
            case Hello():
                self.greeted = True
                return None
            case Abandoned(number):
                self._joining.pop(number, None)
                return None
            case Fragment():
                return self._join(decoded)

    def _join(self, fragment: Fragment) -> str | bytes | None:
        joining = self._joining.get(fragment.message)
        if joining is None:
            joining = self._joining[fragment.message] = _Joining(fragment.is_text, fragment.size)
        joining.add(fragment)
        if joining.received == joining.size:
            del self._joining[fragment.message]
            return joining.message()
        while len(self._joining) > MAX_JOINING_MESSAGES or self.joining_bytes > MAX_JOINING_BYTES:
            if self._reliable:
                raise InvalidFragment(f"more than {MAX_JOINING_MESSAGES} messages or too many bytes are incomplete")
            del self._joining[next(iter(self._joining))]
        return None


class _Joining:
    """One message, of which not everything is there."""

    def __init__(self, is_text: bool, size: int) -> None:
        self._is_text = is_text
        self._starts: list[int] = []
        self._pieces: dict[int, bytes] = {}
        self.size = size
        self.received = 0

    def add(self, fragment: Fragment) -> None:
        if (fragment.is_text, fragment.size) != (self._is_text, self.size):
            raise InvalidFragment("the fragments of a message disagree about it")
        at = bisect(self._starts, fragment.offset)
        end = fragment.offset + len(fragment.content)
        if at and self._starts[at - 1] + len(self._pieces[self._starts[at - 1]]) > fragment.offset:
            raise InvalidFragment("two fragments overlap")
        if at < len(self._starts) and end > self._starts[at]:
            raise InvalidFragment("two fragments overlap")
        self._starts.insert(at, fragment.offset)
        self._pieces[fragment.offset] = fragment.content
        self.received += len(fragment.content)

    def message(self) -> str | bytes:
        content = b"".join(self._pieces[start] for start in self._starts)
        if not self._is_text:
            return content
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise InvalidFragment("a text is not UTF-8") from error

"""What has arrived and is not read yet: a bound for each channel, and one for all channels of a connection."""

from __future__ import annotations

from collections import deque
from weakref import WeakSet

__all__ = ["CHANNEL_BYTES", "CONNECTION_BYTES", "Unread", "UnreadTotal"]

CHANNEL_BYTES = 32 * 1024 * 1024
"""Received on one channel and not yet read, messages that are not whole yet included."""
CONNECTION_BYTES = 64 * 1024 * 1024
"""The same on all channels of a connection: the other side may open any number of them."""
MESSAGE_OVERHEAD_BYTES = 64
"""What a message is counted as beyond its content, so that empty ones count too."""


class UnreadTotal:
    """The bytes of all channels of one connection. Those of a channel that is garbage count no longer."""

    def __init__(self) -> None:
        self._parts: WeakSet[Unread] = WeakSet()
        self._at_most = 0

    @property
    def is_too_much(self) -> bool:
        """Whether it is over the bound."""
        if self._at_most > CONNECTION_BYTES:  # or it seems so, because of what is garbage
            self._at_most = sum(part.size for part in self._parts)
        return self._at_most > CONNECTION_BYTES

    def add(self, part: Unread) -> None:
        """Count another channel."""
        self._parts.add(part)

    def remove(self, part: Unread) -> None:
        """Count it no longer."""
        self._parts.discard(part)
        self._at_most -= part.size

    def grow(self, size: int) -> None:
        """One of the channels has so much more."""
        self._at_most += size


class Unread:
    """The messages of one channel, in order.

    They count until they are read or this side is done with the channel: `release`. That the other side has closed it
    changes nothing: they can still be read.
    """

    def __init__(self, total: UnreadTotal) -> None:
        self._total = total
        self._messages: deque[str | bytes] = deque()
        self._messages_size = 0
        self._joining_size = 0
        self._counts = True
        total.add(self)

    def __bool__(self) -> bool:
        return bool(self._messages)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._messages_size + self._joining_size

    def overflow(self, *, whole: bool) -> str | None:
        """What is too much, if anything is, now that a `whole` message has arrived, or a piece of one."""
        if whole and self.size > CHANNEL_BYTES:
            return f"More than {CHANNEL_BYTES:,} bytes arrived unread"
        if self._counts and self._total.is_too_much:
            return f"More than {CONNECTION_BYTES:,} bytes arrived unread on the channels of the connection"
        return None

    def put(self, message: str | bytes) -> None:
        """Add a message."""
        self._messages.append(message)
        self._grow(_weight(message))

    def take(self) -> str | bytes:
        """The oldest message."""
        message = self._messages.popleft()
        self._grow(-_weight(message))
        return message

    def drop_newest(self) -> None:
        """Forget what was put last."""
        self._grow(-_weight(self._messages.pop()))

    def joining(self, size: int) -> None:
        """So many bytes have arrived of messages that are not whole yet."""
        if self._counts:
            self._total.grow(size - self._joining_size)
        self._joining_size = size

    def release(self) -> None:
        """Count no longer. Safe to repeat."""
        if self._counts:
            self._counts = False
            self._total.remove(self)

    def _grow(self, size: int) -> None:
        self._messages_size += size
        if self._counts:
            self._total.grow(size)


def _weight(message: str | bytes) -> int:
    return len(message) + MESSAGE_OVERHEAD_BYTES

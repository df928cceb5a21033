"""A mailbox of which every change is written down, and a connection that says nothing before that is done.

What a peer has been sent is in the log before it is sent: so whoever takes the room over after the death of its home
knows of every frame that any peer may have.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from heliograph_protocol import CloseCode
from heliograph_server.cluster.room_log import frame_field, frame_of, progress_field
from heliograph_server.signaling.links import Delivery, Receipt
from heliograph_server.signaling.mailbox import Entry, Mailbox, Queue
from heliograph_server.transport.connection import OUTGOING_BYTES, Connection, Ending

__all__ = ["Held", "Holder", "KeptMailbox"]


class Holder(Protocol):
    """The journal of a room, as mailboxes and connections see it."""

    @property
    def holding(self) -> bool:
        """Whether frames have to wait: not while nothing can be written down."""

    def write(self, name: bytes, value: bytes) -> None:
        """A field is another now."""

    def remove(self, names: Iterable[bytes]) -> None:
        """Fields are no more."""

    def advanced(self, box: "KeptMailbox") -> None:
        """How far a mailbox is has changed."""

    def holds(self, connection: "Held") -> None:
        """A connection has something to say once all this is written down."""

    def sends(self, receipt: Receipt) -> None:
        """A message goes to a peer that is not on this node; this is whom to tell should it not be written down."""


class Held:
    """A `Connection` around another: of a peer of level 2 it holds back what is not written down yet."""

    __slots__ = ("_close", "_drained", "_frames", "_holder", "_inner", "_size", "remote")

    def __init__(self, inner: Connection, *, remote: bool = False) -> None:
        self._inner = inner
        self.remote = remote
        """Whether the peer's socket is on another node."""
        self._holder: Holder | None = None
        self._frames: list[bytes] = []
        self._size = 0
        """Bytes that are held, or being written down."""
        self._close: tuple[int, str] | None = None
        self._drained: Callable[[], None] | None = None

    def bind(self, holder: Holder) -> None:
        """From now on nothing goes out before it is written down."""
        self._holder = holder

    @property
    def closed(self) -> bool:
        """See `Connection.closed`."""
        return self._close is not None or self._inner.closed

    @property
    def ending(self) -> Ending | None:
        """See `Connection.ending`."""
        return self._inner.ending

    @property
    def buffered(self) -> int:
        """See `Connection.buffered`."""
        return self._inner.buffered + self._size

    def send(self, frame: bytes) -> bool:
        """See `Connection.send`."""
        holder = self._holder
        if holder is None or not (holder.holding or self._size):
            return self._close is None and self._inner.send(frame)
        if self._close is not None or self._inner.closed:
            return False
        if self._size + len(frame) > OUTGOING_BYTES:
            self.close(CloseCode.TOO_SLOW, "reads too slowly")
            return False
        if not self._frames:
            holder.holds(self)
        self._frames.append(frame)
        self._size += len(frame)
        return True

    def when_drained(self, callback: Callable[[], None]) -> None:
        """See `Connection.when_drained`."""
        if self._size:
            self._drained = callback
        else:
            self._inner.when_drained(callback)

    def close(self, code: int, reason: str) -> None:
        """See `Connection.close`."""
        if self._close is not None:
            return
        if self._holder is None or not (self._holder.holding or self._size):
            self._inner.close(code, reason)
            return
        if not self._frames:
            self._holder.holds(self)
        self._close = (code, reason)

    def take(self) -> Callable[[], None]:
        """What is held so far is being written down; calling the result lets it go."""
        frames, self._frames = self._frames, []
        close = self._close
        size = sum(map(len, frames))
        inner = self._inner

        def let_go() -> None:
            for frame in frames:
                inner.send(frame)
            self._size -= size
            if close is not None:
                inner.close(*close)
            elif self._size == 0 and self._drained is not None:
                drained, self._drained = self._drained, None
                inner.when_drained(drained)

        return let_go

    def abandon(self, code: int, reason: str) -> None:
        """Close, and say nothing of what was not written down: it has not happened."""
        self._frames.clear()
        self._inner.close(code, reason)


class KeptMailbox(Mailbox):
    """See `Mailbox`. Each entry has a field in the log, from when it comes in until it is confirmed or forgotten."""

    __slots__ = ("_holder", "_names", "_next", "_remote", "name")

    def __init__(self, connection: Connection | None, name: str, holder: Holder) -> None:
        super().__init__(connection)
        self.name = name
        self._holder = holder
        self._names: deque[bytes] = deque()
        """The fields of the entries in `_unconfirmed` and then of those in `_waiting`."""
        self._next = 0
        """The number of the entry that comes next."""
        self._remote = True
        """Whether the peer's connection is, or was last, on another node."""
        self._waiting = _NotSent(self._came)
        self._bind(connection)
        holder.advanced(self)

    def send(self, frame: bytes, receipt: Receipt | None = None) -> Delivery:
        """See `Link.send`. What can't be written down is not taken for a peer on another node, which may not return."""
        if self._remote:
            if not self._holder.holding:
                return Delivery.UNKEPT
            if receipt is not None:
                self._holder.sends(receipt)
        return super().send(frame, receipt)

    def attach(self, connection: Connection, received: int) -> bool:
        """See `Mailbox.attach`."""
        if not super().attach(connection, received):
            return False
        self._bind(connection)
        self._holder.advanced(self)
        return True

    def confirm(self, count: int) -> bool:
        """See `Mailbox.confirm`."""
        confirmed = super().confirm(count)
        self._holder.advanced(self)
        return confirmed

    def restore(
        self, entries: list[tuple[int, Entry]], *, first: int, confirms: bool, presence_missed: bool, intact: bool
    ) -> None:
        """Be as it was kept. Nobody knows how much of it has been sent: the peer will say."""
        self._unconfirmed.replace([entry for _, entry in entries])
        self._names = deque(frame_field(self.name, number) for number, _ in entries)
        self._next = entries[-1][0] + 1 if entries else first
        self._first = first
        self._confirms = confirms
        self._presence_missed = presence_missed
        self._intact = intact

    def fields(self) -> Iterator[tuple[bytes, bytes]]:
        """All that is to be kept of it."""
        yield self.progress()
        for name, entry in zip(self._names, [*self._unconfirmed.entries, *self._waiting.entries], strict=True):
            yield name, frame_of(entry)

    def progress(self) -> tuple[bytes, bytes]:
        """How far it is."""
        return progress_field(
            self.name,
            first=self._first,
            confirms=self._confirms,
            presence_missed=self._presence_missed,
            intact=self._intact,
        )

    def names(self) -> Iterator[bytes]:
        """The fields that it has."""
        yield f"b:{self.name}".encode()
        yield from self._names

    def _bind(self, connection: Connection | None) -> None:
        if isinstance(connection, Held):
            connection.bind(self._holder)
            self._remote = connection.remote

    def _send_now(self, entry: Entry) -> bool:
        if not super()._send_now(entry):
            return False
        self._came(entry)
        return True

    def _send_or_wait(self, frame: bytes) -> bool:
        intact = self._intact
        sent = super()._send_or_wait(frame)
        if intact != self._intact:
            self._holder.advanced(self)
        return sent

    def _came(self, entry: Entry) -> None:
        name = frame_field(self.name, self._next)
        self._names.append(name)
        self._holder.write(name, frame_of(entry))
        self._next += 1

    def _forget_first(self, count: int) -> None:
        """See `Mailbox._forget_first`. Many are forgotten at once, and written down so."""
        gone = count - self._first
        super()._forget_first(count)
        if gone > 0:
            self._holder.remove([self._names.popleft() for _ in range(gone)])
            self._holder.advanced(self)

    def _without_presence(self, last: list[Entry]) -> list[Entry]:
        names = [self._names.pop() for _ in last][::-1]
        kept: list[Entry] = []
        for name, entry in zip(names, last, strict=True):
            if entry.presence:
                self._holder.remove((name,))
            else:
                kept.append(entry)
                self._names.append(name)
        self._holder.advanced(self)
        return kept


class _NotSent(Queue):
    """`_waiting`: what is appended to it is new in the mailbox."""

    __slots__ = ("_came",)

    def __init__(self, came: Callable[[Entry], None]) -> None:
        super().__init__()
        self._came = came

    def append(self, entry: Entry) -> None:
        super().append(entry)
        self._came(entry)

"""The link of a peer that may lose its connection and come back: every message once, in order, or its sender is told.

Two queues hold what the peer may not have yet. `unconfirmed` went out over a connection and was not confirmed; should
the connection be lost, it goes out again. `waiting` has not gone out: the peer is away, or is not keeping up. Frames
move from the second to the first, and leave when the peer confirms them by their count.

Both are bounded by `MAILBOX_FRAMES` and `MAILBOX_BYTES`. A peer that confirms, or has just come back, is sent no more
than fits into `unconfirmed`; of one that never confirms, the oldest frames there are forgotten, and a resume that would
need them starts afresh.

What the server itself has to say is not dropped where `waiting` is full: an answer tells what became of a message, and
without it the peer would send the message again. It waits beyond the bounds, up to `NOTICE_FRAMES` and `NOTICE_BYTES`;
beyond those the session can't be resumed. Either way a peer that is too slow for it loses its connection.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from heliograph_protocol import CloseCode
from heliograph_server.signaling.links import Delivery, Receipt
from heliograph_server.transport.connection import OUTGOING_BYTES, Connection

__all__ = ["MAILBOX_BYTES", "MAILBOX_FRAMES", "Entry", "Mailbox", "Queue"]

MAILBOX_FRAMES: Final = 256
MAILBOX_BYTES: Final = 1024 * 1024

REPLAY_BYTES: Final = 256 * 1024
"""While more than this waits in the connection, nothing is added to it from here."""

NOTICE_FRAMES: Final = 2 * MAILBOX_FRAMES
NOTICE_BYTES: Final = 2 * MAILBOX_BYTES


class Entry(NamedTuple):
    """One frame in a mailbox."""

    frame: bytes
    receipt: Receipt | None
    """Set only for frames whose sender was told that they are buffered."""
    presence: bool


class Queue:
    """Frames in order, and how many bytes they are."""

    __slots__ = ("bytes", "entries")

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self.entries)

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.bytes += len(entry.frame)

    def popleft(self) -> Entry:
        entry = self.entries.popleft()
        self.bytes -= len(entry.frame)
        return entry

    def has_room(self, size: int) -> bool:
        """Whether a frame of that size fits; one alone always does."""
        if not self.entries:
            return True
        return len(self.entries) < MAILBOX_FRAMES and self.bytes + size <= MAILBOX_BYTES

    def has_room_for_notice(self, size: int) -> bool:
        """Whether a frame of that size, which must arrive, fits; one that no connection would take does not."""
        return len(self.entries) < NOTICE_FRAMES and self.bytes + size <= NOTICE_BYTES and size <= OUTGOING_BYTES

    def replace(self, entries: list[Entry]) -> None:
        self.entries = deque(entries)
        self.bytes = sum(len(entry.frame) for entry in entries)


class Mailbox:
    """A `Link` that outlives its connection."""

    __slots__ = (
        "_confirms",
        "_first",
        "_intact",
        "_just_back",
        "_presence_missed",
        "_unconfirmed",
        "_waiting",
        "connection",
    )

    def __init__(self, connection: Connection | None) -> None:
        self.connection = connection
        self._unconfirmed = Queue()
        self._waiting = Queue()
        self._first = 0
        """How many frames were sent and confirmed, or forgotten: the number of the first one in `_unconfirmed`."""
        self._confirms = False
        self._just_back = False
        self._presence_missed = False
        self._intact = True

    def send(self, frame: bytes, receipt: Receipt | None = None) -> Delivery:
        """See `Link.send`."""
        if self._send_now(Entry(frame, None, presence=False)):
            return Delivery.DELIVERED
        if self.connection is None and not self._waiting.has_room(len(frame)):
            self._forget_presence()
        if not self._waiting.has_room(len(frame)):
            return Delivery.FULL
        self._waiting.append(Entry(frame, receipt, presence=False))
        return Delivery.BUFFERED

    def reply(self, frame: bytes) -> None:
        """See `Link.reply`. A peer that asks faster than it reads is too slow; it gets the answer when it is back."""
        has_room = self._waiting.has_room(len(frame))
        if not self._send_or_wait(frame) and not has_room:
            self._too_slow()

    def push_presence(self, frame: bytes) -> None:
        """See `Link.push_presence`."""
        entry = Entry(frame, None, presence=True)
        if self._presence_missed or self._send_now(entry):
            return
        if self._waiting.has_room(len(frame)):
            self._waiting.append(entry)
            return
        self._forget_presence()
        self._too_slow()

    def show(self, frame: bytes) -> bool:
        """Send a frame if that can be done now; whether it has gone out. If not, it is not kept."""
        if self.connection is None or self.connection.buffered > REPLAY_BYTES:
            return False
        return self._send_now(Entry(frame, None, presence=True))

    def notify(self, frame: bytes) -> None:
        """See `Link.notify`."""
        self._send_or_wait(frame)

    def close(self, code: int, reason: str) -> None:
        """See `Link.close`."""
        if self.connection is not None:
            self.connection.close(code, reason)

    def confirm(self, count: int) -> bool:
        """The peer has the first `count` frames of the session; False if so many were never sent."""
        if count > self._first + len(self._unconfirmed):
            return False
        self._confirms = True
        self._forget_first(count)
        self.pump()
        return True

    def attach(self, connection: Connection, received: int) -> bool:
        """Go on over a new connection with a peer that has `received` frames; False if that can't be done exactly.

        Nothing is sent before `pump`, and before the peer confirms or has `settled_in` no more than can be sent again:
        the connection may be cut before the peer knows that it is back.
        """
        if not self._intact or not self._first <= received <= self._first + len(self._unconfirmed):
            return False
        self._forget_first(received)
        again = [*self._unconfirmed.entries, *self._waiting.entries]
        if self._presence_missed:
            again = self._without_presence(again)
            self._presence_missed = False
        self._unconfirmed.replace([])
        self._waiting.replace(again)
        self.connection = connection
        self._just_back = True
        return True

    def settled_in(self) -> None:
        """The peer has been back for long enough to confirm something, if it ever does."""
        self._just_back = False
        self.pump()

    def detach(self) -> None:
        """The connection is lost."""
        self.connection = None

    def pump(self) -> None:
        """Send what waits, as far as the peer keeps up."""
        while self._waiting and self._window_open(self._waiting.entries[0]):
            connection = self.connection
            if connection is None or connection.closed:
                return
            if connection.buffered > REPLAY_BYTES:
                connection.when_drained(self.pump)
                return
            if not connection.send(self._waiting.entries[0].frame):
                return
            self._keep(self._waiting.popleft())

    def undelivered(self) -> Iterator[Receipt]:
        """Whom to tell when this mailbox ends: the senders of what was buffered and never confirmed."""
        for queue in (self._unconfirmed, self._waiting):
            for entry in queue.entries:
                if entry.receipt is not None:
                    yield entry.receipt

    def _send_now(self, entry: Entry) -> bool:
        if self._waiting.entries or not self._window_open(entry):
            return False
        if self.connection is None or not self.connection.send(entry.frame):
            return False
        self._keep(entry)
        return True

    def _send_or_wait(self, frame: bytes) -> bool:
        """Send or keep what must arrive, or give the session up; whether it has gone out."""
        entry = Entry(frame, None, presence=False)
        if self._send_now(entry):
            return True
        if self._waiting.has_room_for_notice(len(frame)):
            self._waiting.append(entry)
        else:
            self._intact = False
            self._too_slow()
        return False

    def _too_slow(self) -> None:
        self.close(CloseCode.TOO_SLOW, "reads too slowly")

    def _window_open(self, entry: Entry) -> bool:
        """Whether the frame may go out: it, and all that went out before it, could then go out again."""
        return not (self._confirms or self._just_back) or self._unconfirmed.has_room(len(entry.frame))

    def _keep(self, entry: Entry) -> None:
        self._unconfirmed.append(entry)
        while len(self._unconfirmed) > MAILBOX_FRAMES or (
            self._unconfirmed.bytes > MAILBOX_BYTES and len(self._unconfirmed) > 1
        ):
            self._forget_first(self._first + 1)

    def _forget_first(self, count: int) -> None:
        while self._first < count:
            self._unconfirmed.popleft()
            self._first += 1

    def _forget_presence(self) -> None:
        """Make room: on its return the peer gets the list of peers anyway."""
        self._presence_missed = True
        self._waiting.replace(self._without_presence(list(self._waiting.entries)))

    def _without_presence(self, last: list[Entry]) -> list[Entry]:
        """Of the entries that came last, those that are no news of other peers."""
        return [entry for entry in last if not entry.presence]

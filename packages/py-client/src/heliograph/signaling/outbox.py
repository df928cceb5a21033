"""Our messages on their way: waiting, in flight, and what becomes of those in flight when the connection is lost.

Every message carries a `ref`, and the server says what became of it: an answer, an `ack`, or an error. One that went
out and was not answered when the connection was lost is in doubt. If the session resumes, the server first repeats
every answer that was lost; so a `ping` goes out, and what is still unanswered when its `pong` comes never arrived and
goes out again, before anything newer. If the session is gone, questions are asked again, and the senders of messages
are told that nobody knows.

A server of level 1 answers only questions; there a message is done when it is sent.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from heliograph.errors import MessageTooBig, SendQueueFull
from heliograph.events import PeerSignal
from heliograph.signaling.pace import Pace
from heliograph_protocol import (
    ClaimPeer,
    DiscoverPeers,
    ErrorCode,
    Leave,
    Limits,
    PeerMessage,
    Ping,
    Query,
    ReleaseClaim,
    Report,
    SetGroups,
    UpdateMetadata,
    encode,
)

__all__ = ["IN_FLIGHT", "QUEUED_BYTES", "QUEUED_MESSAGES", "Outbound", "Outbox", "Outgoing", "Question"]

QUEUED_MESSAGES = 256
QUEUED_BYTES = 1024 * 1024
"""While so much waits to be sent, of either, nothing more is put."""

IN_FLIGHT = 64
"""Messages sent and not answered. Should the network hold them up, they still arrive within the server's burst."""

REMEMBERED = 1024
"""Signals to a server of level 1, and messages that the server keeps for a peer that is away: the last so many."""

FRAME_BYTES = 64 * 1024
"""The largest frame, until the server has named its limit."""

RATE_PAUSE_S = 1.0
"""A server tells at most once a second that it dropped messages: after that pause its silence means something."""

Question = Query | Ping | DiscoverPeers | UpdateMetadata | SetGroups | ClaimPeer | ReleaseClaim
Outbound = PeerSignal | PeerMessage | Question | Report | Leave


@dataclass(frozen=True, slots=True, eq=False)
class Outgoing:
    """One message, until the server has said what became of it. `asked_at` is in the clock's seconds."""

    ref: int
    message: Outbound
    frame: bytes
    asked_at: float


class Outbox:
    """Owns what this client sends. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pace: Pace | None = None
        self._max_frame_bytes = FRAME_BYTES
        self._acknowledged = False
        self._not_before = 0.0
        self._last_ref = 0
        self._probe: Outgoing | None = None
        self._probing = False
        self._queue: deque[Outgoing] = deque()
        self._queued_bytes = 0
        self._in_flight: OrderedDict[int, Outgoing] = OrderedDict()
        self._doubtful: OrderedDict[int, Outgoing] = OrderedDict()
        self._waiting: OrderedDict[int, Outgoing] = OrderedDict()
        self._buffered: OrderedDict[int, Outgoing] = OrderedDict()
        self._withdrawn: set[int] = set()

    @property
    def has_room(self) -> bool:
        """Whether a message can be put."""
        return len(self._queue) < QUEUED_MESSAGES and self._queued_bytes < QUEUED_BYTES

    @property
    def is_empty(self) -> bool:
        """Whether everything was sent at least once, and nothing is to be sent again."""
        return not self._queue and not self._probing

    def put(self, message: Outbound, *, always: bool = False) -> int:
        """Queue a message, and return its ref. Raises `MessageTooBig`, and `SendQueueFull` unless `always`."""
        self._last_ref += 1
        numbered = msgspec.structs.replace(message, ref=self._last_ref)
        outgoing = Outgoing(self._last_ref, numbered, encode(numbered), self._clock())
        size = len(outgoing.frame)
        if size > self._max_frame_bytes:
            words = f"A message of {size:,} bytes is over the server's limit of {self._max_frame_bytes:,}"
            raise MessageTooBig(words, code=ErrorCode.MESSAGE_TOO_BIG)
        if not self.has_room and not always:
            raise SendQueueFull(f"{len(self._queue)} messages wait to be sent to the server already")
        self._queue.append(outgoing)
        self._queued_bytes += size
        return outgoing.ref

    def withdraw(self, ref: int) -> bool:
        """Nobody wants this any more: it is not sent again. Whether it never was, and now never will be."""
        for outgoing in self._queue:
            if outgoing.ref == ref:
                self._queue.remove(outgoing)
                self._queued_bytes -= len(outgoing.frame)
                return True
        if any(ref in place for place in (self._in_flight, self._doubtful, self._waiting)):
            self._withdrawn.add(ref)
        return False

    def leave_at_once(self) -> None:
        """Give up what waits and send `leave`, without regard to the pace: the server allows more than that."""
        self._queue.clear()
        self._queued_bytes = 0
        self._in_flight.clear()
        self._doubtful.clear()
        self._probing = False
        self._not_before = 0.0
        if self._pace is not None:
            self._pace = Pace(0, self._clock)
        self.put(Leave(), always=True)

    def take(self) -> bytes | None:
        """The frame to send now, if there is one."""
        if self._pace is None or self._clock() < self._not_before:
            return None
        if self._probing:
            return self._take_probe(self._pace)
        if not self._queue or (self._acknowledged and len(self._in_flight) >= IN_FLIGHT) or not self._pace.take():
            return None
        outgoing = self._queue.popleft()
        self._queued_bytes -= len(outgoing.frame)
        if not isinstance(outgoing.message, Leave | Report):  # which have no answer
            self._in_flight[outgoing.ref] = outgoing
        if not self._acknowledged:
            _trim(self._in_flight)
        return outgoing.frame

    def count_one(self) -> bool:
        """Whether a frame that is not kept here may go now; it counts for the pace."""
        return self._pace is not None and self._clock() >= self._not_before and self._pace.take()

    def delay_s(self) -> float | None:
        """Seconds until `take` may have a frame; None if that does not depend on time."""
        if self._pace is None or (self.is_empty or (self._probing and self._probe is not None)):
            return None
        if not self._probing and self._acknowledged and len(self._in_flight) >= IN_FLIGHT:
            return None
        return self.pace_delay_s()

    def pace_delay_s(self) -> float:
        """Seconds until a message may go, if there is one."""
        return 0.0 if self._pace is None else max(0.0, self._not_before - self._clock(), self._pace.delay_s())

    def answered(self, ref: int) -> Outgoing | None:
        """The server has said what became of this; the message, unless that is known already."""
        if self._probe is not None and ref == self._probe.ref:
            self._end_probe()
            return None
        for place in (self._in_flight, self._doubtful, self._waiting):
            if outgoing := place.pop(ref, None):
                self._withdrawn.discard(ref)
                return outgoing
        return None

    def oldest(self, kind: type[Question]) -> int | None:
        """The ref of the oldest question of that kind that was sent: what a server that echoes no ref answers."""
        return next((ref for ref, outgoing in self._in_flight.items() if isinstance(outgoing.message, kind)), None)

    def stands_in_line(self, ref: int) -> None:
        """The server has this claim in its line: it arrived, and is not answered yet."""
        outgoing = self._in_flight.pop(ref, None) or self._doubtful.pop(ref, None)
        if outgoing is not None:
            self._waiting[ref] = outgoing

    def keep_buffered(self, outgoing: Outgoing) -> None:
        """The server keeps this message for a peer; it may yet say that it could not be delivered."""
        self._buffered[outgoing.ref] = outgoing
        _trim(self._buffered)

    def undelivered(self, ref: int) -> Outgoing | None:
        """The server could not deliver a message that it had kept."""
        return self._buffered.pop(ref, None)

    def disconnected(self) -> None:
        """Nothing goes out until the client is registered again."""
        self._pace = None
        self._probe = None
        self._not_before = 0.0
        self._doubt_what_is_in_flight()

    def resumed(self, limits: Limits) -> None:
        """The session goes on over a new connection."""
        self._allow(limits)
        self._probing = bool(self._doubtful)

    def restarted(self, limits: Limits | None) -> list[Outgoing]:
        """A new session, of level 2 if there are limits. Returns the messages of which nobody knows what became."""
        self._allow(limits)
        self._probing = False
        self._buffered.clear()
        lost = [*self._doubtful.values(), *self._waiting.values()]
        self._doubtful.clear()
        self._waiting.clear()
        questions = [outgoing for outgoing in lost if isinstance(outgoing.message, Question)]
        self._send_again([self._as_of_now(asked) for asked in sorted(questions, key=lambda asked: asked.ref)])
        self._withdrawn.clear()
        return [outgoing for outgoing in lost if not isinstance(outgoing.message, Question)]

    def rate_limited(self) -> None:
        """The server has dropped some of what is in flight, and does not say which."""
        if self._acknowledged:
            self._not_before = self._clock() + RATE_PAUSE_S
            self._probe = None
            self._doubt_what_is_in_flight()
            self._probing = True

    def _allow(self, limits: Limits | None) -> None:
        self._pace = Pace(0 if limits is None else limits.messages_per_s, self._clock)
        self._max_frame_bytes = FRAME_BYTES if limits is None else limits.message_bytes
        if limits is None and not self._acknowledged:
            self._doubtful = OrderedDict(
                (ref, outgoing) for ref, outgoing in self._doubtful.items() if isinstance(outgoing.message, Question)
            )
        self._acknowledged = limits is not None

    def _take_probe(self, pace: Pace) -> bytes | None:
        if self._probe is not None or not pace.take():
            return None
        self._last_ref += 1
        ping = Ping(ref=self._last_ref)
        self._probe = Outgoing(self._last_ref, ping, encode(ping), self._clock())
        return self._probe.frame

    def _end_probe(self) -> None:
        self._probe = None
        self._probing = False
        never_arrived = list(self._doubtful.values())
        self._doubtful.clear()
        self._send_again(never_arrived)

    def _send_again(self, messages: list[Outgoing]) -> None:
        """Before anything newer, unless nobody wants it any more."""
        for outgoing in reversed(messages):
            if outgoing.ref in self._withdrawn:
                self._withdrawn.discard(outgoing.ref)
            else:
                self._queue.appendleft(outgoing)
                self._queued_bytes += len(outgoing.frame)

    def _doubt_what_is_in_flight(self) -> None:
        self._doubtful.update(self._in_flight)  # what was in doubt before is older
        self._in_flight.clear()

    def _as_of_now(self, asked: Outgoing) -> Outgoing:
        """A claim that has waited some of its time waits only for the rest."""
        if not isinstance(asked.message, ClaimPeer) or asked.message.wait_s == 0:
            return asked
        now = self._clock()
        wait_s = max(0, asked.message.wait_s - int(now - asked.asked_at))
        message = msgspec.structs.replace(asked.message, wait_s=wait_s)
        return Outgoing(asked.ref, message, encode(message), now)


def _trim(places: OrderedDict[int, Outgoing]) -> None:
    while len(places) > REMEMBERED:
        places.popitem(last=False)

"""Pairs of peers that send messages to each other: as fast as the answers come, or at a rate."""

import select
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from bench.dialects import Dialect, compact, frame
from bench.load.meters import Meter, Served
from bench.load.wires import CHUNK, Wire

__all__ = ["closed_loop", "open_loop", "prove"]

PROOF_TIMEOUT_S: Final = 10.0

CONFIRM_EVERY: Final = 64
"""A level 2 peer confirms at least that often."""

LOOK_EVERY: Final = 64
"""Turns of the loop between two looks at the clock."""

SLEEP_S: Final = 0.02

LATE_S: Final = 2.0
"""How long after the last message of an open loop an answer may come."""

Taken = tuple[float, float]
"""When a message was due, and how many seconds it took from then."""


class _End:
    """One peer of a pair, and the bytes that are on the way to it."""

    __slots__ = ("confirmed", "expected", "message", "partial", "received", "recv", "send", "sent_at")

    def __init__(self, wire: Wire, message: bytes, expected: int) -> None:
        self.recv = wire.socket.recv_into
        self.send = wire.socket.send
        self.message = message
        self.expected = expected
        """Bytes of the frame that the other one's message arrives in."""
        self.partial = 0
        self.received = 0
        self.confirmed = -(wire.number % CONFIRM_EVERY)
        """When it confirms next: peers do not do so all at once."""
        self.sent_at: deque[float] = deque()
        """When the messages that are on the way to this peer should have been sent."""

    def arrived(self, size: int) -> int:
        """How many messages those bytes complete."""
        count, self.partial = divmod(self.partial + size, self.expected)
        return count

    def confirm(self, count: int) -> None:
        """Level 2: say now and then how much has arrived."""
        self.received += count
        if self.received - self.confirmed >= CONFIRM_EVERY:
            self.confirmed = self.received
            self.send(frame(compact({"type": "received", "count": self.received})))


def _ends(wires: list[Wire], dialect: Dialect, size: int) -> dict[int, _End]:
    ends = {}
    for wire in wires:
        message = dialect.message(wire.number, wire.number ^ 1, size)
        ends[wire.socket.fileno()] = _End(wire, frame(message), len(dialect.arrives_as(message)))
    return ends


def prove(wires: list[Wire], dialect: Dialect, size: int) -> None:
    """See that a message arrives, byte for byte as it should: all that is counted later is lengths."""
    sender, receiver = wires[:2]
    message = dialect.message(sender.number, receiver.number, size)
    expected = dialect.arrives_as(message)
    receiver.socket.settimeout(PROOF_TIMEOUT_S)
    sender.socket.send(frame(message))
    arrived = b""
    while len(arrived) < len(expected):
        arrived += receiver.socket.recv(CHUNK)
    receiver.socket.setblocking(False)
    if arrived != expected:
        raise ValueError(f"A message has arrived as {arrived[:200]!r}")


def closed_loop(
    wires: list[Wire],
    dialect: Dialect,
    server: int | Served,
    *,
    size: int,
    warm_up_s: float,
    seconds: float,
    each_turn: Callable[[], None] | None = None,
    sleeps: bool = False,
) -> dict[str, Any]:
    """One message is on the way in each pair, all the time. Messages a second."""
    ends = _ends(wires, dialect, size)
    with select.epoll() as poller:
        for fd in ends:
            poller.register(fd, select.EPOLLIN)
        for wire in wires[::2]:
            end = ends[wire.socket.fileno()]
            end.send(end.message)
        how: dict[str, Any] = {"confirms": dialect.level > 1, "each_turn": each_turn, "sleeps": sleeps}
        _bounce(poller, ends, warm_up_s, **how)
        meter = Meter(server)
        count, idle = _bounce(poller, ends, seconds, **how)
        cost = meter.read(idle=idle)
    return {"messages_per_s": count / cost.seconds, "cost": cost}


def _bounce(
    poller: select.epoll,
    ends: dict[int, _End],
    seconds: float,
    *,
    confirms: bool,
    each_turn: Callable[[], None] | None,
    sleeps: bool,
) -> tuple[int, float]:
    """Answer each message with one, for that long; how many arrived, and the seconds without any.

    Unless it has to, it never sleeps: otherwise, the faster a server is, the more often it would have to wake the load,
    at its own cost.
    """
    buffer = memoryview(bytearray(CHUNK))
    poll = poller.poll
    clock = time.perf_counter
    count = turn = 0
    idle = 0.0
    until = clock() + seconds
    while turn % LOOK_EVERY or clock() < until:
        turn += 1
        if each_turn is not None:
            each_turn()
        ready = poll(SLEEP_S if sleeps else 0)
        if not ready and not sleeps:
            since = clock()
            while not (ready := poll(0)) and clock() < until:
                pass
            idle += clock() - since
        for fd, _ in ready:
            end = ends[fd]
            size = end.recv(buffer)
            if size != end.expected or end.partial:
                if size == 0:
                    raise ConnectionError("The server hung up")
                for _ in range(end.arrived(size)):
                    end.send(end.message)
                    count += 1
                continue
            end.send(end.message)
            count += 1
            if confirms:
                end.confirm(1)
    return count, idle


def open_loop(
    wires: list[Wire],
    dialect: Dialect,
    server: int | Served,
    *,
    size: int,
    rate: float,
    warm_up_s: float,
    seconds: float,
    timeline: bool = False,
) -> dict[str, Any]:
    """Messages at a fixed rate, whatever the server does: how long each took from when it should have been sent.

    A load that waits for answers before it sends more asks a slow server less often, and so does not see how slow it
    is (coordinated omission). Here a message that is sent late has been waiting since its time. The `timeline` is of
    each message: when it was due, and how long it took from then, or has taken so far, in seconds.
    """
    ends = _ends(wires, dialect, size)
    order = [(ends[wire.socket.fileno()], ends[other.socket.fileno()]) for wire, other in _both_ways(wires)]
    with select.epoll() as poller:
        for fd in ends:
            poller.register(fd, select.EPOLLIN)
        schedule = _Schedule(poller, ends, order, rate, confirms=dialect.level > 1)
        schedule.run(warm_up_s)
        meter = Meter(server)
        arrived, missing, late = schedule.run(seconds)
        cost = meter.read()
    sent = arrived + missing
    more = {"timeline": sent} if timeline else {}
    return {
        **more,
        "rate": rate,
        "sent": len(sent),
        "arrived_percent": 100 * len(arrived) / len(sent),
        **quantiles([took for _, took in sent]),
        "late_p99_ms": quantiles(late)["p99_ms"],
        "cost": cost,
    }


def _both_ways(wires: list[Wire]) -> list[tuple[Wire, Wire]]:
    there = list(zip(wires[::2], wires[1::2], strict=True))
    return [*there, *((second, first) for first, second in there)]


class _Schedule:
    """Sends each message at its time, to one pair after the other."""

    def __init__(
        self,
        poller: select.epoll,
        ends: dict[int, _End],
        order: list[tuple[_End, _End]],
        rate: float,
        *,
        confirms: bool,
    ) -> None:
        self._poller = poller
        self._ends = ends
        self._order = order
        self._rate = rate
        self._confirms = confirms

    def run(self, seconds: float) -> tuple[list[Taken], list[Taken], list[float]]:
        """What the messages took that have arrived, what those have taken so far that have not, and how late each was
        sent.

        A server for which the rate is too much is given up some time after the end.
        """
        buffer = memoryview(bytearray(CHUNK))
        order, interval, total = self._order, 1 / self._rate, int(self._rate * seconds)
        arrivals: list[Taken] = []
        late: list[float] = []
        sent = 0
        clock = time.perf_counter
        started = clock()
        give_up = started + seconds + LATE_S
        while len(arrivals) < total and (now := clock()) < give_up:
            while sent < total and (due := started + sent * interval) <= now:
                sender, receiver = order[sent % len(order)]
                receiver.sent_at.append(due)
                late.append(now - due)
                sender.send(sender.message)
                sent += 1
            ready = self._poller.poll(0)
            if not ready and sent < total:
                wait = started + sent * interval - clock()
                if wait > 0:  # epoll's own time-out knows nothing below a millisecond
                    select.select([self._poller], (), (), wait)
            for fd, _ in ready:
                end = self._ends[fd]
                count = end.arrived(end.recv(buffer))
                now = clock()
                for _ in range(count):
                    due = end.sent_at.popleft()
                    arrivals.append((due, now - due))
                if self._confirms:
                    end.confirm(count)
        ended = clock()
        return arrivals, [(due, ended - due) for end in self._ends.values() for due in end.sent_at], late


def quantiles(seconds: list[float]) -> dict[str, float]:
    """p50, p99 and p99.9 in milliseconds."""
    ordered = sorted(seconds)
    return {
        f"p{name}_ms": 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]
        for name, share in (("50", 0.5), ("99", 0.99), ("99_9", 0.999))
    }

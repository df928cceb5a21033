"""Many connections at once, from the TCP handshake to the registration."""

import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct

from bench.dialects import Dialect, Session, compact, frame

__all__ = ["Opened", "Wire", "drain", "first_frame", "open_all", "reset_all"]

OPEN_TIMEOUT_S: Final = 120.0
QUIET_S: Final = 0.3
CHUNK: Final = 262_144
TEXT: Final = 0x1
CLOSE: Final = 0x8


class Wire:
    """One registered peer."""

    __slots__ = ("_in_head", "_received", "asked", "farewell", "number", "opened_after_s", "rest", "session", "socket")

    def __init__(self, number: int, address: tuple[str, int], asked: float) -> None:
        self.number = number
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect_ex(address)
        self.opened_after_s = 0.0
        """From the first SYN to the answer to the registration."""
        self.session: Session | None = None
        self.farewell = ""
        """What the server said before it hung up."""
        self.rest = b""
        """What came after the answer to the registration and is no whole frame yet."""
        self.asked = asked
        """When it first wanted in."""
        self._in_head = True
        self._received = b""

    def step(self, dialect: Dialect, resume: Session | None) -> bool:
        """Something arrived; whether the peer is registered now."""
        data = self.socket.recv(CHUNK)
        if not data:
            raise ConnectionError("The server hung up on a peer that was coming in")
        self._received += data
        if self._in_head:
            if b"\r\n\r\n" not in self._received:
                return False
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101"):
                raise ConnectionError(f"The server refused: {head[:100]!r}")
            self._in_head = False
            hello = dialect.hello(self.number, resume)
            if hello is not None:
                self.socket.send(hello)
        answer = first_payload(self._received)
        if answer is None:
            return False
        if dialect.welcome not in answer:
            raise ConnectionError(f"The server did not register a peer: {answer[:200]!r}")
        self.opened_after_s = time.perf_counter() - self.asked
        if dialect.level > 1:
            given = _welcome.decode(answer).session
            received = resume.received if resume is not None and given.resumed else 0
            self.session = Session(given.session_id, given.secret, received)
        self.rest = self._received.partition(answer)[2]
        self._received = b""
        return True

    def hear(self, data: bytes) -> None:
        """Something arrived after the registration: whole frames are counted, if it is a session that counts them."""
        self.rest += data
        while (span := first_frame(self.rest)) is not None:
            payload, opcode = self.rest[span[0] : span[1]], self.rest[0] & 0x0F
            if opcode == CLOSE:
                self.farewell = f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')}"
            elif opcode == TEXT and self.session is not None:
                self.session = msgspec.structs.replace(self.session, received=self.session.received + 1)
            self.rest = self.rest[span[1] :]

    def confirm(self) -> None:
        """Say how much has come, as clients do."""
        if self.session is not None:
            self.socket.send(frame(compact({"type": "received", "count": self.session.received})))


class _Given(Struct):
    session_id: str
    secret: str
    resumed: bool


class _Welcome(Struct):
    session: _Given


_welcome = msgspec.json.Decoder(_Welcome)


class Opened(Struct):
    """Registered peers, and how long that took."""

    wires: list[Wire]
    seconds: float
    again: int = 0
    """How often a peer was hung up on before it was registered, and came again."""


def open_all(
    port: int | Sequence[int],
    dialect: Dialect,
    numbers: Iterable[int],
    *,
    at_once: int,
    sessions: dict[int, Session] | None = None,
    persistent: bool = False,
) -> Opened:
    """Connect and register peers, with at most `at_once` of them on the way.

    If they are `persistent`, one that a server hangs up on comes again at once, as a client of its would. With several
    ports, that of a peer is the one at the place of its number, and the first one follows the last.
    """
    ports = [port] if isinstance(port, int) else port
    started = time.perf_counter()
    poller = select.epoll()
    on_the_way: dict[int, Wire] = {}
    done: list[Wire] = []
    left: Iterator[int] = iter(numbers)
    again = 0

    def begin(number: int, asked: float) -> None:
        wire = Wire(number, ("127.0.0.1", ports[number % len(ports)]), asked)
        on_the_way[wire.socket.fileno()] = wire
        poller.register(wire.socket.fileno(), select.EPOLLOUT)

    for number in islice(left, at_once):
        begin(number, time.perf_counter())
    while on_the_way:
        if time.perf_counter() - started > OPEN_TIMEOUT_S:
            raise TimeoutError(f"{len(on_the_way)} peers are not registered after {OPEN_TIMEOUT_S} s")
        for fd, event in poller.poll(1.0):
            wire = on_the_way[fd]
            if event & select.EPOLLOUT:
                error = wire.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, "The server does not let a peer connect")
                wire.socket.send(dialect.upgrade(wire.number))
                poller.modify(fd, select.EPOLLIN)
                continue
            try:
                registered = wire.step(dialect, (sessions or {}).get(wire.number))
            except ConnectionError:
                if not persistent:
                    raise
                again += 1
                del on_the_way[fd]
                wire.socket.close()
                begin(wire.number, wire.asked)
                continue
            if registered:
                poller.unregister(fd)
                del on_the_way[fd]
                done.append(wire)
                for number in islice(left, 1):
                    begin(number, time.perf_counter())
    poller.close()
    done.sort(key=lambda wire: wire.number)
    return Opened(done, time.perf_counter() - started, again)


def drain(wires: list[Wire]) -> int:
    """Read what has been pushed to the peers, until nothing comes any more; how many bytes that was."""
    with select.epoll() as poller:
        by_fd = {wire.socket.fileno(): wire for wire in wires}
        for fd in by_fd:
            poller.register(fd, select.EPOLLIN)
        total = 0
        while ready := poller.poll(QUIET_S):
            for fd, _ in ready:
                wire = by_fd[fd]
                data = wire.socket.recv(CHUNK)
                if not data:
                    raise ConnectionError(f"The server hung up on peer {wire.number}: {wire.farewell or 'no reason'}")
                wire.hear(data)
                total += len(data)
        return total


def reset_all(wires: list[Wire]) -> None:
    """Cut all connections at once, as a network that goes down does."""
    for wire in wires:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.socket.close()


def first_payload(data: bytes) -> bytes | None:
    """The payload of the first frame that a server sent, once it is whole."""
    span = first_frame(data)
    return None if span is None else data[span[0] : span[1]]


def first_frame(data: bytes) -> tuple[int, int] | None:
    """Where the payload of the first frame that a server sent begins and ends, once it is whole."""
    if len(data) < 2:
        return None
    size, start = data[1], 2
    if size == 126:
        size, start = int.from_bytes(data[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(data[2:10], "big"), 10
    return (start, start + size) if len(data) >= start + size else None

"""Which pipe and which request a signal belongs to, and what becomes of all of them when a node is lost.

No bus and no sockets: batches come in through `received` and go out through `publish`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from typing import Any, Final

import msgspec
import structlog

from heliograph_protocol import CloseCode
from heliograph_server.cluster.bus import BusUnavailable
from heliograph_server.cluster.door import Door
from heliograph_server.cluster.lines import Kind, Line, decode_batch
from heliograph_server.cluster.pace import Soon, in_next_turn
from heliograph_server.cluster.pipe import Closing, HomeEnd, Opening
from heliograph_server.signaling.session import Session
from heliograph_server.transport.connection import Connection

__all__ = ["ASK_TIMEOUT_S", "Switchboard"]

ASK_TIMEOUT_S: Final = 3.0
"""How long another node may take to answer a request."""

MAX_ASKED: Final = 1000
"""Requests of this node that wait for an answer."""

_SAID: Final = int(Kind.SAID)
_HEARD: Final = int(Kind.HEARD)
_HEARD_TOO: Final = int(Kind.HEARD_TOO)
_LAST: Final = frozenset({Kind.REFUSED, Kind.MOVED, Kind.CLOSE})
"""After these the pipe is no more."""

_log = structlog.get_logger(__name__)


class Switchboard:
    """All lines of one node.

    `begin` makes the session of a peer that comes through a pipe; `answer` answers the requests of other nodes; `spawn`
    runs what has to be awaited; `soon` says when what waits is published.
    """

    def __init__(
        self,
        node: str,
        *,
        publish: Callable[[str, bytes], None],
        begin: Callable[[Connection, int], Session],
        answer: Callable[[bytes], Awaitable[bytes]],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        soon: Soon = in_next_turn,
    ) -> None:
        self._node = node
        self._publish = publish
        self._begin = begin
        self._answer = answer
        self._spawn = spawn
        self._soon = soon
        self._lines: dict[str, Line] = {}
        self._awake: list[Line] = []
        self._numbers = count(1)
        self._doors: dict[int, tuple[str, Door]] = {}
        self._ends: dict[tuple[str, int], HomeEnd] = {}
        self._asked: dict[int, tuple[str, asyncio.Future[bytes]]] = {}
        self.gaps = 0
        """How often something from another node was missing."""

    @property
    def pipes(self) -> tuple[int, int]:
        """How many pipes there are from doors here, and to homes here."""
        return len(self._doors), len(self._ends)

    @property
    def nodes(self) -> frozenset[str]:
        """The nodes that have been spoken with."""
        return frozenset(self._lines)

    def peers(self) -> set[str]:
        """The nodes to which there is a pipe."""
        return {node for node, _ in self._doors.values()} | {node for node, _ in self._ends}

    def open(self, node: str, door: Door) -> tuple[Line, int]:
        """See `House.open`."""
        pipe = next(self._numbers)
        self._doors[pipe] = (node, door)
        return self._line(node), pipe

    def shut(self, pipe: int) -> None:
        """See `House.shut`."""
        self._doors.pop(pipe, None)

    async def ask(self, node: str, question: bytes) -> bytes:
        """Another node's answer. Raises `BusUnavailable` if it gives none in time."""
        if len(self._asked) >= MAX_ASKED:
            raise BusUnavailable("Too many requests to other nodes wait already")
        number = next(self._numbers)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[number] = (node, answer)
        self._line(node).put(Kind.ASK, number, question)
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                return await answer
        except TimeoutError as error:
            raise BusUnavailable("Another node did not answer") from error
        finally:
            del self._asked[number]

    def tell(self, node: str, kind: Kind) -> None:
        """Send a signal that belongs to no pipe."""
        self._line(node).put(kind, 0)

    def doors(self) -> list[Door]:
        """The doors with a pipe."""
        return [door for _, door in self._doors.values()]

    def announce_drain(self, reconnect_within_s: int) -> None:
        """Have all peers that are here at a door told that it closes."""
        for pipe, (node, _) in self._doors.items():
            self._line(node).put(Kind.DRAINING, pipe, reconnect_within_s)

    def beat(self) -> None:
        """Show the other nodes that nothing is missing, where what is sent does not show it."""
        for line in self._lines.values():
            if line.needs_beat():
                line.put(Kind.BEAT, 0)

    def received(self, batch: bytes) -> None:
        """Another node's signals."""
        try:
            sender, number, signals = decode_batch(batch)
        except msgspec.DecodeError:
            _log.error("cluster.unreadable", size=len(batch))
            return
        line = self._line(sender)
        if not line.in_order(number):
            self.gaps += 1
            _log.warning("cluster.gap", node=sender)
            line.put(Kind.BROKEN, 0)
            self.lost(sender)
        doors, ends = self._doors, self._ends
        steps = iter(signals)
        for kind, pipe, body in zip(steps, steps, steps, strict=True):
            if kind == _SAID and (end := ends.get((sender, pipe))) is not None:
                end.receive(body)
            elif kind == _HEARD and (found := doors.get(pipe)) is not None and found[0] == sender:
                found[1].heard(body)
            elif kind == _HEARD_TOO and (found := doors.get(pipe)) is not None and found[0] == sender:
                found[1].heard(signals[body])
            else:
                self._take(line, Kind(kind), pipe, body)

    def lost(self, node: str) -> None:
        """What was between this node and that one is no more."""
        for home, door in list(self._doors.values()):
            if home == node:
                door.broken()
        for (peer, _), end in list(self._ends.items()):
            if peer == node:
                end.lost()
        for asked, answer in self._asked.values():
            if asked == node and not answer.done():
                answer.set_exception(BusUnavailable("Another node was lost"))

    def all_lost(self) -> None:
        """Nothing goes to any node, or comes from one."""
        for node in self.peers() | {node for node, _ in self._asked.values()}:
            self.lost(node)
        for line in self._lines.values():
            line.clear()
        self._awake.clear()

    def forget(self, node: str) -> None:
        """A node is dead."""
        self.lost(node)
        line = self._lines.pop(node, None)
        if line is not None and line in self._awake:
            self._awake.remove(line)

    def _take(self, line: Line, kind: Kind, pipe: int, body: Any) -> None:
        match kind:
            case Kind.OPEN:
                end = HomeEnd(line, pipe, begin=self._begin, spawn=self._spawn, ended=self._ended)
                self._ends[line.peer, pipe] = end
                end.open(msgspec.msgpack.decode(body, type=Opening))
            case Kind.ASK:
                self._spawn(self._reply(line, pipe, body))
            case Kind.ANSWER:
                _, answer = self._asked.get(pipe, (None, None))
                if answer is not None and not answer.done():
                    answer.set_result(body)
            case Kind.BROKEN:
                self.lost(line.peer)
            case Kind.BEAT:
                return
            case Kind.HEARD | Kind.HEARD_TOO | Kind.JOINED | Kind.REFUSED | Kind.MOVED | Kind.CLOSE | Kind.PROBE:
                self._to_door(line, kind, pipe, body)
            case Kind.SAID | Kind.CLOSED | Kind.DRAINED | Kind.OVER_RATE | Kind.DRAINING:
                self._to_end(line, kind, pipe, body)

    def _to_door(self, line: Line, kind: Kind, pipe: int, body: Any) -> None:
        node, door = self._doors.get(pipe, ("", None))
        if door is not None and node == line.peer:
            door.signal(kind, body)
        elif kind not in _LAST:
            line.put(Kind.CLOSED, pipe)  # it has just been shut, and the home will hear or has heard of it

    def _to_end(self, line: Line, kind: Kind, pipe: int, body: Any) -> None:
        end = self._ends.get((line.peer, pipe))
        match kind:
            case Kind.SAID if end is None:
                closing = Closing(CloseCode.RESTARTING, "resume")
                line.put(Kind.CLOSE, pipe, msgspec.msgpack.encode(closing))
            case Kind.CLOSED if end is not None:
                end.lost()
            case Kind.DRAINED if end is not None:
                end.connection.arrived(body)
            case Kind.OVER_RATE if end is not None:
                end.receive(b"")
            case Kind.DRAINING if end is not None:
                end.announce_drain(body)
            case _:
                return  # closed from here, and the door was told

    async def _reply(self, line: Line, number: int, question: bytes) -> None:
        try:
            answer = await self._answer(question)
        except Exception:  # noqa: BLE001 - a bug must reach the log, and the asker is told by its time limit
            _log.exception("cluster.answer_failed")
            return
        line.put(Kind.ANSWER, number, answer)

    def _ended(self, end: HomeEnd) -> None:
        self._ends.pop((end.peer, end.pipe), None)

    def _line(self, node: str) -> Line:
        line = self._lines.get(node)
        if line is None:
            line = self._lines[node] = Line(self._node, node, self._wake)
        return line

    def _wake(self, line: Line) -> None:
        if not self._awake:
            self._soon(self._flush)
        self._awake.append(line)

    def _flush(self) -> None:
        awake, self._awake = self._awake, []
        for line in awake:
            if line.waiting:
                self._publish(line.peer, line.take())

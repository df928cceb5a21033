"""The real server and real cores in memory, and wires on which everything is under way until it is read."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from heliograph.signaling.core import CoreEvent, Credentials, SignalingCore
from heliograph_protocol import IceServer
from heliograph_server.identity.verifier import User
from heliograph_server.inspection.inspectors import Inspectors
from heliograph_server.inspection.node_meter import NodeMeter
from heliograph_server.ops.metrics import SignalingMetrics
from heliograph_server.rooms.model import Room
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.registration import Registration
from heliograph_server.signaling.requests import Requests
from heliograph_server.signaling.session import Session, SessionContext

RESUME_WINDOW_S = 30
ROOM_ID = "room"


class Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class TurnedClock:
    """The server's clock and the clients': it moves when told to, and calls back on the way."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._order = count()
        self._timers: list[tuple[float, int, Timer]] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.now + delay, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            at, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, at)
            if timer.callback is not None:
                timer.callback()
        self.now = end


class OpenDoor:
    """Takes every id token for its own user, and lets every user into the one room."""

    ttl_s = 3600

    def verify_now(self, id_token: str) -> User:
        return User(issuer="test", subject=id_token)

    def admit_now(self, room_id: str, token: str) -> tuple[Room, None]:
        owner = User(issuer="test", subject="owner")
        room = Room(
            room_id=room_id, token=token, owner=owner, created_at=0, expires_at=10**9, max_peers=100, policy=None
        )
        return room, None

    def for_user(self, _name: str) -> list[IceServer]:
        return []


class Node:
    """A server. Another one in its place knows nothing of its sessions."""

    def __init__(self, clock: TurnedClock, rate_per_s: int) -> None:
        door: Any = OpenDoor()
        self.hub = Hub(timers=clock, wall_clock=clock, resume_window_s=RESUME_WINDOW_S)
        metrics = SignalingMetrics()
        meter = NodeMeter(metrics, "test", tasks=lambda: 0)
        inspectors = Inspectors(self.hub, metrics, meter, clock=clock, monotonic=clock, operator_token="")
        self.context = SessionContext(
            hub=self.hub,
            registration=Registration(door, door, self.hub, door, rate_per_s),
            requests=Requests(self.hub, clock, inspectors),
            inspectors=inspectors,
            metrics=metrics,
            monotonic=clock,
            timers=clock,
            rate_per_s=rate_per_s,
        )


class Wire:
    """One connection, as the server's `Connection`: frames that were sent and not read yet, in both directions."""

    def __init__(self, node: Node) -> None:
        self.to_server: deque[bytes] = deque()
        self.to_client: deque[bytes] = deque()
        self.closed = False
        self.ending = None
        self.buffered = 0
        self._session: Session | None = Session(self, node.context)

    def send(self, frame: bytes) -> bool:
        if not self.closed:
            self.to_client.append(frame)
        return not self.closed

    def when_drained(self, callback: Callable[[], None]) -> None:
        raise AssertionError("Nothing is ever buffered here")

    def close(self, code: int, reason: str) -> None:
        self.closed = True

    def server_reads(self, most: int) -> None:
        """The server takes in so many of the frames on their way to it, unless it has closed the connection."""
        for _ in range(min(most, len(self.to_server))):
            if self._session is None or self.closed:
                break
            pending: Any = self._session.receive(self.to_server.popleft())
            if pending is not None:
                _finish(pending)
        self.server_notices()

    def server_notices(self) -> None:
        """The server sees that the connection is closed, if it is."""
        if self.closed and self._session is not None:
            session, self._session = self._session, None
            session.disconnected()


class Program:
    """A client's core, over one wire after another. `heard` is what its core told."""

    def __init__(self, name: str, clock: TurnedClock) -> None:
        self.name = name
        self.core = SignalingCore(Credentials(room_id=ROOM_ID, token="t", peer_id=name), clock)
        self.wire: Wire | None = None
        self.heard: list[CoreEvent] = []

    def connect(self, node: Node) -> None:
        """Open a wire in the place of the one before, which is lost, and ask to be let in."""
        self.lose_wire()
        self.wire = Wire(node)
        self.wire.to_server.append(self.core.register(self.name))

    def lose_wire(self) -> None:
        """This end of the connection sees that it is lost."""
        if self.wire is not None:
            self.wire = None
            self.core.disconnected()

    def sends(self) -> int:
        """Put what may go on the wire; how many frames that was."""
        if self.wire is None:
            return 0
        frames = list(iter(self.core.take, None))
        self.wire.to_server.extend(frames)
        return len(frames)

    def reads(self, most: int) -> list[CoreEvent]:
        """Take in so many of the frames on their way here; after the last of a closed connection it is lost."""
        heard: list[CoreEvent] = []
        if self.wire is not None:
            for _ in range(min(most, len(self.wire.to_client))):
                heard += self.core.receive(self.wire.to_client.popleft())
            if self.wire.closed and not self.wire.to_client:
                self.lose_wire()
        self.heard += heard
        return heard


def _finish(pending: Any) -> None:
    """Run a coroutine that has nothing to wait for."""
    try:
        pending.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits for something")

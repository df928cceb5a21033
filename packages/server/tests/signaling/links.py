"""In-memory stand-ins for what surrounds a session: a connection that keeps what it was given, and time to turn."""

import heapq
import json
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

from heliograph_protocol import IceServer
from heliograph_server.errors import DomainError, InvalidIdToken
from heliograph_server.identity.verifier import User
from heliograph_server.inspection.inspectors import Inspectors
from heliograph_server.inspection.node_meter import NodeMeter
from heliograph_server.ops.metrics import SignalingMetrics
from heliograph_server.rooms.invitations import Invitation
from heliograph_server.rooms.model import Policy, Room
from heliograph_server.signaling.homes import ALONE, Homes
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.journal import NO_JOURNAL, Journal
from heliograph_server.signaling.registration import Registration
from heliograph_server.signaling.requests import Requests
from heliograph_server.signaling.session import Session, SessionContext
from heliograph_server.transport.connection import Connection, Ending

RESUME_WINDOW_S = 30
OPERATOR_TOKEN = "the-operator's-token-of-this-server"


class MemoryConnection:
    """A `Connection` that keeps the frames sent to it."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.close_code: int | None = None
        self.ending: Ending | None = None
        self.buffered = 0
        self._drained: Callable[[], None] | None = None

    @property
    def closed(self) -> bool:
        return self.close_code is not None

    def send(self, frame: bytes) -> bool:
        if self.closed:
            return False
        self.frames.append(frame)
        return True

    def when_drained(self, callback: Callable[[], None]) -> None:
        self._drained = callback

    def drain(self) -> None:
        """What waited has been handed to the network."""
        self.buffered = 0
        if self._drained is not None:
            drained, self._drained = self._drained, None
            drained()

    def close(self, code: int, reason: str) -> None:
        assert len(reason.encode()) <= 123
        if self.close_code is None:
            self.close_code = int(code)
            self.ending = Ending("server", self.close_code)

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.frames]

    def take(self) -> list[dict[str, Any]]:
        messages = self.messages()
        self.frames.clear()
        return messages


class Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Clock:
    """A clock that moves when told to, and calls back on the way."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
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

    def pending(self) -> int:
        """How many timers would still call back."""
        return sum(timer.callback is not None for _, _, timer in self._timers)


class OpenDoor:
    """Verifies the id token "user:<name>", and admits to any room, as its settings say; at once, if it is `near`."""

    def __init__(self, clock: Clock, max_peers: int) -> None:
        self._clock = clock
        self.max_peers = max_peers
        self.near = True
        self.refuse_with: DomainError | Exception | None = None
        self.policy: Policy | None = None
        self.owner = User(issuer="test", subject="user:owner")
        self.invitations: dict[str, Invitation] = {}
        self.ttl_s = 7200
        self.expires_at: int | None = None

    async def verify(self, id_token: str) -> User:
        return self._verified(id_token)

    def verify_now(self, id_token: str) -> User | None:
        return self._verified(id_token) if self.near else None

    def _verified(self, id_token: str) -> User:
        if not id_token.startswith("user:"):
            raise InvalidIdToken("Not a user")
        return User(issuer="test", subject=id_token)

    async def admit(self, room_id: str, token: str) -> tuple[Room, Invitation | None]:
        return self._admitted(room_id, token)

    def admit_now(self, room_id: str, token: str) -> tuple[Room, Invitation | None] | None:
        return self._admitted(room_id, token) if self.near else None

    def _admitted(self, room_id: str, token: str) -> tuple[Room, Invitation | None]:
        if self.refuse_with is not None:
            raise self.refuse_with
        return self.room(room_id), self.invitations.get(token)

    def room(self, room_id: str) -> Room:
        return Room(
            room_id=room_id,
            token="t",
            owner=self.owner,
            created_at=int(self._clock()),
            expires_at=self.expires_at or int(self._clock()) + self.ttl_s,
            max_peers=self.max_peers,
            policy=self.policy,
        )


class NoIce:
    ttl_s = 3600

    def for_user(self, name: str) -> list[IceServer]:
        return [IceServer(urls=["stun:stun.example"])]


class World:
    """A hub with sessions around it, and around that what a node of a cluster has, if it is one."""

    def __init__(
        self,
        *,
        max_peers: int = 1000,
        rate_per_s: int = 1_000_000,
        operator_token: str = OPERATOR_TOKEN,
        ended: Callable[[str], None] = lambda _: None,
        journal: Callable[[str], Journal] = lambda _: NO_JOURNAL,
        homes: Homes = ALONE,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.hub = Hub(
            timers=self.clock, wall_clock=self.clock, resume_window_s=RESUME_WINDOW_S, ended=ended, journal=journal
        )
        self.metrics = SignalingMetrics()
        self.operator_token = operator_token
        meter = NodeMeter(self.metrics, "test", tasks=lambda: 0)
        self.inspectors = Inspectors(
            self.hub, self.metrics, meter, clock=self.clock, monotonic=self.clock, operator_token=operator_token
        )
        self.door = OpenDoor(self.clock, max_peers)
        door: Any = self.door
        ice: Any = NoIce()
        self.context = SessionContext(
            hub=self.hub,
            registration=Registration(door, door, self.hub, ice, rate_per_s, homes=homes),
            requests=Requests(self.hub, self.clock, self.inspectors),
            inspectors=self.inspectors,
            metrics=self.metrics,
            monotonic=self.clock,
            timers=self.clock,
            rate_per_s=rate_per_s,
        )

    def connect(self) -> "Peer":
        return Peer(self)

    def session(self, connection: Connection) -> Session:
        return Session(connection, self.context)

    def settle(self) -> None:
        """Wait until what has been said is out: here it always is."""

    def peer(self, peer_id: str, *, user: str | None = None, room_id: str = "room", **fields: Any) -> "Peer":
        """A registered peer; `protocol=2` among the fields makes it one of level 2."""
        peer = self.connect()
        (heard, *_) = peer.register(peer_id, user=user or peer_id, room_id=room_id, **fields)
        assert heard["type"] == "registered_auth", heard
        peer.welcome = heard
        return peer


class Peer:
    """One connection with its session."""

    def __init__(self, world: World) -> None:
        self.connection = MemoryConnection()
        self.session = world.session(self.connection)
        self.welcome: dict[str, Any] = {}
        """The reply to the registration."""

    def say(self, message: Any) -> list[dict[str, Any]]:
        """Send one message (bytes as they are, all else as JSON); returns what this peer has heard since."""
        frame = message if isinstance(message, bytes) else json.dumps(message).encode()
        pending = self.session.receive(frame)
        if pending is not None:
            finish(pending)
        return self.connection.take()

    def heard(self) -> list[dict[str, Any]]:
        """What this peer has heard since the last time."""
        return self.connection.take()

    def drop(self) -> None:
        """Lose the connection without a word."""
        self.connection.close(1006, "")
        self.session.disconnected()

    def register(self, peer_id: str, *, user: str, room_id: str = "room", **fields: Any) -> list[dict[str, Any]]:
        return self.say(
            {"type": "register", "peer_id": peer_id, "room_id": room_id, "token": "t", "id_token": f"user:{user}"}
            | fields
        )


def finish(pending: Any) -> None:
    """Run a coroutine that has nothing to wait for."""
    with suppress(StopIteration):
        pending.send(None)
        raise AssertionError("it waits for something")

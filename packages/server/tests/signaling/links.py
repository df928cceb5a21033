"""In-memory stand-ins for what surrounds a session: a connection that keeps what it was given, and a clock to turn."""

import json
from contextlib import suppress
from typing import Any

from heliograph_protocol import Register
from heliograph_server.errors import DomainError, InvalidIdToken
from heliograph_server.identity.verifier import User
from heliograph_server.ops.metrics import SignalingMetrics
from heliograph_server.rooms.model import Room
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.session import Session, SessionContext


class MemoryConnection:
    """A `Connection` that keeps the frames sent to it."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.close_code: int | None = None
        self.buffered = 0

    @property
    def closed(self) -> bool:
        return self.close_code is not None

    def send(self, frame: bytes) -> bool:
        if self.closed:
            return False
        self.frames.append(frame)
        return True

    def close(self, code: int, reason: str) -> None:
        assert len(reason.encode()) <= 123
        if self.close_code is None:
            self.close_code = int(code)

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.frames]

    def take(self) -> list[dict[str, Any]]:
        messages = self.messages()
        self.frames.clear()
        return messages


class Clock:
    """A clock that moves when told to."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class OpenDoor:
    """Admits `id_token` "user:<name>" to any room, and refuses everything else."""

    def __init__(self, max_peers: int = 1000) -> None:
        self.max_peers = max_peers
        self.refuse_with: DomainError | Exception | None = None

    async def admit(self, request: Register) -> tuple[User, Room]:
        if self.refuse_with is not None:
            raise self.refuse_with
        if not request.id_token.startswith("user:"):
            raise InvalidIdToken("Not a user")
        user = User(issuer="test", subject=request.id_token)
        room = Room(
            room_id=request.room_id, token="t", owner=user, created_at=0, expires_at=10, max_peers=self.max_peers
        )
        return user, room


class World:
    """A hub with sessions around it."""

    def __init__(self, *, max_peers: int = 1000, rate_per_s: int = 1_000_000) -> None:
        self.clock = Clock()
        self.hub = Hub()
        self.metrics = SignalingMetrics()
        self.door = OpenDoor(max_peers)
        self.context = SessionContext(
            hub=self.hub,
            admission=self.door,  # type: ignore[arg-type]
            metrics=self.metrics,
            monotonic=self.clock,
            wall_clock=lambda: 1_700_000_000.0,
            rate_per_s=rate_per_s,
        )

    def connect(self) -> "Peer":
        return Peer(self)

    def peer(self, peer_id: str, *, user: str | None = None, room_id: str = "room", **fields: Any) -> "Peer":
        peer = self.connect()
        (heard,) = peer.register(peer_id, user=user or peer_id, room_id=room_id, **fields)
        assert heard["type"] == "registered_auth"
        return peer


class Peer:
    """One connection with its session."""

    def __init__(self, world: World) -> None:
        self.connection = MemoryConnection()
        self.session = Session(self.connection, world.context)

    def say(self, message: Any) -> list[dict[str, Any]]:
        """Send one message (bytes as they are, all else as JSON); returns what this peer has heard since."""
        frame = message if isinstance(message, bytes) else json.dumps(message).encode()
        pending = self.session.receive(frame)
        if pending is not None:
            finish(pending)
        return self.connection.take()

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

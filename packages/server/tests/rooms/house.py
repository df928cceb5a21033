"""The parts behind the controllers of rooms, and a client in front of them."""

import re
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from heliograph_protocol import Metadata
from heliograph_server.errors import StoreUnavailable
from heliograph_server.identity.local import LocalIdentity
from heliograph_server.identity.signing import SigningKey
from heliograph_server.identity.trusted import TrustedIssuers
from heliograph_server.identity.verifier import User
from heliograph_server.ops.limits import AddressLimiter
from heliograph_server.ops.signin_limit import SignInLimiter
from heliograph_server.problems import EXCEPTION_HANDLERS
from heliograph_server.rooms.census import LocalCensus
from heliograph_server.rooms.controllers import RoomsController
from heliograph_server.rooms.invitations import JoinTokens
from heliograph_server.rooms.memory import MemoryRoomStore
from heliograph_server.rooms.model import Room, RoomChanges
from heliograph_server.rooms.peer_api import RoomPeerApi
from heliograph_server.rooms.room_api import RoomApi
from heliograph_server.rooms.service import RoomService
from heliograph_server.rooms.token_api import RoomTokenApi
from heliograph_server.settings import Settings
from heliograph_server.signaling.hub import Hub
from heliograph_server.signaling.member import Entrance
from heliograph_server.signaling.permissions import ROOM_TOKEN_GRANTS

MAX_PEERS = 100


class Clock:
    """Unix seconds, which stand still unless they are moved."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Connection:
    """A connection that notes how it was closed."""

    buffered = 0
    ending = None

    def __init__(self) -> None:
        self.closes: list[int] = []
        self.frames: list[bytes] = []

    @property
    def closed(self) -> bool:
        return bool(self.closes)

    def send(self, frame: bytes) -> bool:
        self.frames.append(frame)
        return True

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Nothing ever waits."""

    def close(self, code: int, reason: str) -> None:
        self.closes.append(code)


class Timer:
    """What never comes."""

    def cancel(self) -> None:
        """It would not have come anyway."""


class NoTimers:
    """Time does not pass."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return Timer()


class FailingStore(MemoryRoomStore):
    """A store that can be made to fail."""

    failing = False
    on_delete: Callable[[], object] = staticmethod(lambda: None)

    async def create(self, room: Room) -> bool:
        self._check()
        return await super().create(room)

    def get_now(self, room_id: str) -> Room | None:
        return None if self.failing else super().get_now(room_id)

    async def get(self, room_id: str) -> Room | None:
        self._check()
        return await super().get(room_id)

    async def update(self, room_id: str, changes: RoomChanges) -> Room | None:
        self._check()
        return await super().update(room_id, changes)

    async def delete(self, room_id: str, *, expired_before: int | None = None) -> bool:
        self._check()
        self.on_delete()
        return await super().delete(room_id, expired_before=expired_before)

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("The room store did not answer") from OSError("disk /dev/sdz")


class House:
    """Rooms with the real hub and service behind them, and calls in somebody's name."""

    def __init__(self, data_dir: Path, settings: Settings) -> None:
        self.clock = Clock()
        self.identity = LocalIdentity(data_dir, self.clock)
        self.store = FailingStore()
        join_tokens = JoinTokens(SigningKey.load(data_dir), self.clock)
        self.rooms = RoomService(self.store, self.clock, max_peers=MAX_PEERS, join_tokens=join_tokens)
        self.gone: list[User] = []
        """Whom identity was told of."""
        self.hub = Hub(timers=NoTimers(), wall_clock=self.clock, resume_window_s=30, gone=self.gone.append)
        parts: dict[str, Any] = {
            "identity": TrustedIssuers([self.identity], self.identity, self.identity.jwks()),
            "rooms": self.rooms,
            "census": LocalCensus(self.hub),
            "settings": settings,
            "limiter": SignInLimiter(AddressLimiter(settings.signin_limit, time.monotonic)),
        }
        self.client = AsyncTestClient(
            Litestar(
                [RoomsController, RoomApi, RoomTokenApi, RoomPeerApi],
                dependencies={name: provide(part) for name, part in parts.items()},
                exception_handlers=EXCEPTION_HANDLERS,
                logging_config=None,
            )
        )

    def bearer(self, name: str) -> dict[str, str]:
        """The header that proves a user's name."""
        return {"Authorization": f"Bearer {self.identity.mint(name, 60)}"}

    async def call(self, name: str, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """A call in somebody's name. Its answer is one that the description of the call has."""
        answer = await self.client.request(method, path, json=body, params=query, headers=self.bearer(name))
        assert answer.status_code in {*self._described(method, path), HTTPStatus.METHOD_NOT_ALLOWED}
        return answer

    def _described(self, method: str, path: str) -> set[int]:
        for template, operations in self.client.app.openapi_schema.to_schema()["paths"].items():
            if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) and method.lower() in operations:
                return {int(status) for status in operations[method.lower()]["responses"]}
        return set()

    async def room_of(self, name: str) -> str:
        """A new room of that user's."""
        return (await self.rooms.create(user(name))).room_id

    async def room(self, room_id: str) -> Room:
        """A room as it is now."""
        room = await self.rooms.find(room_id)
        assert room is not None
        return room

    async def join(self, room_id: str, peer_id: str, name: str, **entrance: Any) -> Connection:
        """Let a peer of that user's in."""
        return self.let_in(await self.room(room_id), peer_id, name, **entrance)

    def let_in(
        self,
        room: Room,
        peer_id: str,
        name: str,
        *,
        role: str = "peer",
        tags: Sequence[str] = (),
        groups: Sequence[str] = ("default",),
        grants: frozenset[str] = ROOM_TOKEN_GRANTS,
    ) -> Connection:
        """Let a peer into a room that need not be in the store any more."""
        connection = Connection()
        entrance = Entrance(
            peer_id=peer_id,
            user=user(name),
            role=role,
            metadata=Metadata(tags=list(tags)),
            groups=frozenset(groups),
            grants=grants,
        )
        self.hub.join(room, entrance, connection)
        return connection

    async def delete(self, name: str | None, body: Any) -> httpx.Response:
        """The original's call."""
        headers = {} if name is None else self.bearer(name)
        return await self.client.post("/delete-peers-and-room", json=body, headers=headers)


def user(name: str) -> User:
    """A user of the embedded issuer."""
    return User(issuer="heliograph", subject=name)


def provide(part: Any) -> Provide:
    """A dependency that is always the same."""
    return Provide(lambda: part, sync_to_thread=False)

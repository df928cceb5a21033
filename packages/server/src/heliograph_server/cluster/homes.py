"""Which rooms are at home on this node, and how they come and go."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import structlog

from heliograph_server.cluster.bus import BusUnavailable, Fields, Home, Registry
from heliograph_server.signaling.homes import RoomElsewhere

__all__ = ["ClusterHomes"]

_log = structlog.get_logger(__name__)


class ClusterHomes:
    """See `Homes`. A room is taken by the first who wants into it, and let go when nobody is left.

    `occupied` says whether anyone is in a room, or away from it; `restore` has a room again as it was kept; `alive`
    says whether a node is; `unsettled` whether nodes that may be are missing.
    """

    def __init__(
        self,
        node: str,
        registry: Registry,
        *,
        occupied: Callable[[str], bool],
        restore: Callable[[str, Fields], Awaitable[None]],
        alive: Callable[[str], Awaitable[bool]],
        unsettled: Callable[[], bool],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._node = node
        self._registry = registry
        self._occupied = occupied
        self._restore = restore
        self._alive = alive
        self._unsettled = unsettled
        self._spawn = spawn
        self._guests: Counter[str] = Counter()
        self._turns: dict[str, _Turn] = {}
        self.draining = False
        """This node is about to end: it takes no more rooms."""
        self.here: dict[str, Home] = {}
        """The rooms whose home is this node."""
        self._arriving: set[str] = set()
        """Those of them that are still being restored."""
        self._unreleased: dict[str, Home] = {}
        """Rooms that could not be let go, because the bus was away."""
        self._outdated: set[str] = set()
        """Rooms that everyone had left; whoever comes now comes before the room could be let go."""

    def hold(self, room_id: str) -> AbstractAsyncContextManager[None]:
        """See `Homes.hold`."""
        return self._hold(room_id)

    async def where(self, room_id: str) -> str | None:
        """The living node that is a room's home, if that is another one. Raises `BusUnavailable`."""
        if room_id in self.here:
            return None
        home = await self._registry.home(room_id)
        if home is None or home.node == self._node or not await self._alive(home.node):
            return None
        return home.node

    def emptied(self, room_id: str) -> None:
        """Nobody is in a room any more."""
        if room_id in self.here:
            self._outdated.add(room_id)
            if not self._guests[room_id]:
                self._spawn(self._release(room_id))

    def home_of(self, room_id: str) -> Home | None:
        """Which home of the room this node is."""
        return self.here.get(room_id)

    def renew(self, room_id: str) -> Home | None:
        """See `Rooms.renew`."""
        home = self.here.get(room_id)
        if home is not None:
            home = self.here[room_id] = home.later()
        return home

    def bus_back(self) -> None:
        """What could not be let go can be now."""
        unreleased, self._unreleased = self._unreleased, {}
        for room_id, home in unreleased.items():
            self._spawn(self._let_go(room_id, home, forget=True))

    def lose(self, room_id: str) -> None:
        """Another node has taken a room, or it was let go."""
        self.here.pop(room_id, None)
        self._outdated.discard(room_id)

    def outdated(self, room_id: str) -> bool:
        """See `Rooms.outdated`."""
        outdated = room_id in self._outdated
        self._outdated.discard(room_id)
        return outdated

    @asynccontextmanager
    async def _hold(self, room_id: str) -> AsyncIterator[None]:
        self._guests[room_id] += 1
        try:
            if room_id not in self.here or room_id in self._arriving:
                async with self._turn(room_id):
                    if room_id not in self.here:
                        await self._take(room_id)
            yield
        finally:
            self._guests[room_id] -= 1
            if not self._guests[room_id]:
                del self._guests[room_id]
                if not self._occupied(room_id):
                    self.emptied(room_id)

    async def _take(self, room_id: str) -> None:
        if self.draining:
            home = await self._registry.home(room_id)
            raise RoomElsewhere("" if home is None or home.node == self._node else home.node)
        if not await self._alive(self._node):
            raise BusUnavailable("This node is not one of the cluster's")
        if self._unsettled():
            raise BusUnavailable("After an outage other nodes say first which rooms are theirs")
        taken = await self._registry.take(room_id, self._node, None)
        if not taken.won and (taken.home.node == self._node or not await self._alive(taken.home.node)):
            _log.info("cluster.takeover", room=room_id, dead=taken.home.node)
            taken = await self._registry.take(room_id, self._node, taken.home)
        if not taken.won:
            raise RoomElsewhere(taken.home.node)
        self.here[room_id] = taken.home
        self._arriving.add(room_id)
        try:
            if taken.fields:
                await self._restore(room_id, taken.fields)
        except BaseException:
            self.lose(room_id)
            self._spawn(self._let_go(room_id, taken.home, forget=False))
            raise
        finally:
            self._arriving.discard(room_id)

    async def _release(self, room_id: str) -> None:
        async with self._turn(room_id):
            home = self.here.get(room_id)
            if home is None or self._guests[room_id] or self._occupied(room_id):
                return
            self.lose(room_id)
            await self._let_go(room_id, home, forget=True)

    async def _let_go(self, room_id: str, home: Home, *, forget: bool) -> None:
        try:
            await self._registry.release(room_id, home, forget=forget)
        except BusUnavailable:
            _log.warning("cluster.release_failed", room=room_id)
            if forget:
                self._unreleased[room_id] = home

    @asynccontextmanager
    async def _turn(self, room_id: str) -> AsyncIterator[None]:
        """One after the other: a room must not be taken while it is being let go."""
        turn = self._turns.setdefault(room_id, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[room_id]


class _Turn:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0

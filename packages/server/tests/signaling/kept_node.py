"""A world at a node of a cluster, without sockets and bus: commits are done when the test says so."""

import asyncio
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from memory_registry import MemoryRegistry

from heliograph_server.cluster.bus import Changes, Fields, Home, Taken
from heliograph_server.cluster.homes import ClusterHomes
from heliograph_server.cluster.kept_mailbox import Held, KeptMailbox
from heliograph_server.cluster.room_log import whole
from heliograph_server.cluster.scribe import Scribe
from heliograph_server.signaling.member import Member
from heliograph_server.signaling.session import Session
from heliograph_server.transport.connection import Connection

from .links import Clock, World, finish

ROOM = "room"


class SlowRegistry(MemoryRegistry):
    """Does what it is asked for in order, and not before it is told to."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.under_way: deque[tuple[Callable[[], bool], asyncio.Future[bool]]] = deque()

    def commit(self, room_id: str, home: Home, changes: Changes) -> "asyncio.Future[bool]":
        return self._later(lambda: self._commit(room_id, home, changes))

    def reclaim(self, room_id: str, home: Home, fields: Fields) -> "asyncio.Future[bool]":
        return self._later(lambda: self._reclaim(room_id, home, fields))

    async def take(self, room_id: str, node: str, instead_of: Home | None) -> Taken:
        self.do(len(self.under_way))
        return await super().take(room_id, node, instead_of)

    async def release(self, room_id: str, home: Home, *, forget: bool) -> None:
        self.do(len(self.under_way))
        await super().release(room_id, home, forget=forget)

    def do(self, count: int) -> None:
        """Do the next few things, and answer."""
        for _ in range(count):
            act, answer = self.under_way.popleft()
            answer.set_result(act())

    def fail(self, error: Exception) -> None:
        """Do nothing of what was asked for, and say so."""
        while self.under_way:
            _, answer = self.under_way.popleft()
            answer.set_exception(error)

    def die(self, count: int) -> None:
        """Do the next few things; nobody hears of it, and the rest never arrives."""
        for act, _ in list(self.under_way)[:count]:
            act()
        self.under_way.clear()

    def _later(self, act: Callable[[], bool]) -> "asyncio.Future[bool]":
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.under_way.append((act, answer))
        return answer


class Loop:
    """An event loop that turns when it is told to, and counts as running in between."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        events._set_running_loop(self._loop)

    def turn(self) -> None:
        events._set_running_loop(None)
        self._loop.run_until_complete(asyncio.sleep(0))
        events._set_running_loop(self._loop)

    def close(self) -> None:
        events._set_running_loop(None)
        self._loop.close()


class Node(World):
    """A world at a node of a cluster."""

    def __init__(self, name: str, registry: SlowRegistry, loop: Loop, clock: Clock) -> None:
        self.registry = registry
        self._loop = loop
        self._spawned: deque[Coroutine[Any, Any, None]] = deque()
        self.homes = ClusterHomes(
            name,
            registry,
            occupied=self._occupied,
            restore=self._restore,
            alive=self._alive,
            unsettled=lambda: False,
            spawn=self._spawned.append,
        )
        self.name = name
        self.scribe = Scribe(registry, self.homes)
        super().__init__(ended=self._ended, journal=self.scribe.journal, homes=self.homes, clock=clock)
        self.scribe.hub = self.hub

    def session(self, connection: Connection) -> Session:
        return Session(Held(connection), self.context)

    def turn(self, commits: int) -> None:
        """Have a turn of the event loop, in which some commits are answered."""
        self.registry.do(min(commits, len(self.registry.under_way)))
        while self._spawned:
            finish(self._spawned.popleft())
        self._loop.turn()

    def settle(self) -> None:
        self.turn(0)  # which may begin commits
        while self.registry.under_way or self._spawned:
            self.turn(len(self.registry.under_way))
            self.turn(0)

    def die(self) -> None:
        """What it was about to do is not done."""
        while self._spawned:
            self._spawned.popleft().close()

    def take_over(self) -> None:
        """Have the room, with everyone who is in it, as a peer that comes back would."""

        async def look() -> None:
            async with self.homes.hold(ROOM):
                return

        finish(look())

    def written(self) -> dict[bytes, bytes]:
        """What is to be written down of the room as it is."""
        live = self.hub.room(ROOM)
        return {} if live is None else whole(live, _box)

    def _occupied(self, room_id: str) -> bool:
        return self.hub.occupied(room_id)

    async def _alive(self, node: str) -> bool:
        return node == self.name

    async def _restore(self, room_id: str, fields: Fields) -> None:
        self.scribe.restore(self.door.room(room_id), fields)

    def _ended(self, room_id: str) -> None:
        self.scribe.ended(room_id)
        self.homes.emptied(room_id)


def _box(member: Member) -> KeptMailbox | None:
    return member.link if isinstance(member.link, KeptMailbox) else None

"""Whatever happens in a room, what is written down of it is the room: a home that takes it over has the same.

This is the machine of level 2 on a node of a cluster. Its commits take their time, and at any moment the node may die:
then some of the commits under way have been written and the rest has not, all connections are lost, and another node
has the room as it was written down. All that holds on a single node holds then, too: a message that was answered
arrives exactly once, and one that was not has not happened.
"""

import asyncio
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any
from unittest.mock import patch

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from memory_registry import MemoryRegistry

from heliograph_protocol import Resume
from heliograph_server.cluster.bus import Changes, Fields, Home, Taken
from heliograph_server.cluster.homes import ClusterHomes
from heliograph_server.cluster.kept_mailbox import Held, KeptMailbox
from heliograph_server.cluster.room_log import whole
from heliograph_server.cluster.scribe import Scribe
from heliograph_server.signaling import mailbox
from heliograph_server.signaling.member import Member
from heliograph_server.signaling.session import Session
from heliograph_server.transport.connection import Connection

from .links import Clock, World, finish
from .test_level2_machine import CRAMPED, NAMES, Level2

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
        self._registry = registry
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
        self._registry.do(min(commits, len(self._registry.under_way)))
        while self._spawned:
            finish(self._spawned.popleft())
        self._loop.turn()

    def settle(self) -> None:
        self.turn(0)  # which may begin commits
        while self._registry.under_way or self._spawned:
            self.turn(len(self._registry.under_way))
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


class KeptLevel2(Level2):
    """See above."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.deaths = 0
        self.dead_at = 0
        """The serial number of the last message that was sent before a node died."""
        self.registry = SlowRegistry(Clock())
        self.go_on_at(Clock())

    @property
    def node(self) -> Node:
        assert isinstance(self.world, Node)
        return self.world

    def go_on_at(self, clock: Clock) -> None:
        """Whatever comes next is at a new node."""
        invitations = self.world.door.invitations
        self.world = Node(f"node-{self.deaths}", self.registry, self.loop, clock)
        self.world.door.invitations = invitations
        for client in self.clients.values():
            client.world = self.world

    @rule(commits=st.integers(0, 2))
    def turn(self, commits: int) -> None:
        self.node.turn(commits)

    @rule(written=st.integers(0, 3), heard=st.lists(st.integers(0, 5), min_size=len(NAMES), max_size=len(NAMES)))
    def die(self, written: int, heard: list[int]) -> None:
        """The node is no more, and of what it has begun to write and to send some has come through."""
        for client, most in zip(self.clients.values(), heard, strict=True):
            if client.there:
                client.read(most)
            client.peer = None
        self.registry.die(written)
        self.node.die()
        before = dict(self.registry.logs.get(ROOM, {}))
        self.deaths += 1
        self.dead_at = self.serial
        self.go_on_at(Clock(self.world.clock.now))
        self.node.take_over()
        self.node.settle()
        assert _lasting(self.registry.logs.get(ROOM, {})) == _lasting(before)
        for client in self.clients.values():
            self._remember(client.name)

    def _remember(self, name: str) -> None:
        """What a client did last may not have happened."""
        client = self.clients[name]
        member = self.hub.member(ROOM, name)
        if member is None or member.key is None or client.session is None:
            return
        client.groups = member.groups
        client.grants = member.grants
        if member.key.fits(
            Resume(session_id=client.session["session_id"], secret=client.session["secret"], received=0)
        ):
            client.secret_ends = inf  # that the secret was void by now may not have been written down

    @invariant()
    def what_is_written_down_is_the_room(self) -> None:
        if not self.registry.under_way and self.deaths % 2:
            return  # as often as not there is more to come
        self.node.settle()
        assert self.registry.logs.get(ROOM, {}) == self.node.written()
        assert (ROOM in self.registry.homes) == self.hub.occupied(ROOM)

    def _nothing_was_lost_in_silence(self) -> None:
        answered = {m.get("ref") for c in self.clients.values() for m in c.inbox if m["type"] in {"ack", "error"}}
        arrived = {m.get("payload", {}).get("serial") for c in self.clients.values() for m in c.inbox if "payload" in m}
        for serial in list(self.sent):
            source = self.clients[self.sent[serial].sender]
            there = source.life == self.sent[serial].sender_life and self.hub.member(ROOM, source.name) is not None
            if there and serial <= self.dead_at and serial not in answered:
                assert serial not in arrived, f"{serial} arrived, and nobody said so"
                del self.sent[serial]  # a client would send it again
        super()._nothing_was_lost_in_silence()

    def teardown(self) -> None:
        try:
            super().teardown()
            self.node.settle()
            assert self.registry.homes == {}
            assert self.registry.logs == {}
        finally:
            self.loop.close()


def _lasting(fields: Fields) -> dict[bytes, bytes]:
    """All but the members, who are away after a death and have another window."""
    return {name: b"" if name.startswith(b"m:") else value for name, value in fields.items()}


class CrampedKeptLevel2(KeptLevel2):
    """The same where little fits into a mailbox: peers are too slow, and sessions are given up."""

    def __init__(self) -> None:
        super().__init__()
        self.bounds = patch.multiple(mailbox, MAILBOX_FRAMES=CRAMPED, NOTICE_FRAMES=2 * CRAMPED)
        self.bounds.start()
        for client in self.clients.values():
            client.cramped = True

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.bounds.stop()


SETTINGS = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
)

TestKeptLevel2 = KeptLevel2.TestCase
TestKeptLevel2.settings = SETTINGS
TestCrampedKeptLevel2 = CrampedKeptLevel2.TestCase
TestCrampedKeptLevel2.settings = SETTINGS

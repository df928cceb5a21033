"""This node of a cluster: its lease, its lines to the others, the rooms that are at home here."""

import asyncio
import math
import random
import secrets
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final

import structlog

from heliograph_server.cluster.bus import Bus, BusUnavailable, Fields, Registry, Tokens
from heliograph_server.cluster.census import Answering, ClusterCensus
from heliograph_server.cluster.door import Door, registration
from heliograph_server.cluster.drain import Step, drain, drain_s
from heliograph_server.cluster.homes import ClusterHomes
from heliograph_server.cluster.keeping import HomeKeeper
from heliograph_server.cluster.kept_mailbox import Held
from heliograph_server.cluster.likeness import Introductions, Likeness
from heliograph_server.cluster.lines import Kind, Line
from heliograph_server.cluster.pace import Pace
from heliograph_server.cluster.scribe import Scribe
from heliograph_server.cluster.siblings import Siblings
from heliograph_server.cluster.switchboard import Switchboard
from heliograph_server.rooms.census import LocalCensus
from heliograph_server.signaling.session import Session, SessionContext
from heliograph_server.transport.connection import Connection
from heliograph_server.transport.vestibule import HandOver

__all__ = ["LEASE_S", "RENEW_S", "ClusterNode"]

LEASE_S: Final = 5.0
"""A node that has not renewed its lease for that long is dead: others take its rooms."""

RENEW_S: Final = 1.0
RETRY_S: Final = 0.1

NOTICE_S: Final = 0.5
"""How long the word of a drain may take to the peers whose room is on another node: it comes from there."""

_log = structlog.get_logger(__name__)


class ClusterNode:
    """See `House` and `BusListener`. It has to be furnished before it runs."""

    sessions: SessionContext
    census: ClusterCensus

    def __init__(
        self,
        bus: Bus,
        registry: Registry,
        tokens: Tokens,
        *,
        likeness: Callable[[], Likeness],
        monotonic: Callable[[], float],
        rate_per_s: int,
    ) -> None:
        self.name = secrets.token_hex(8)
        self.bus = bus
        self.registry = registry
        self.tokens = tokens
        self.monotonic = monotonic
        self.rate_per_s = rate_per_s
        self._alive: frozenset[str] = frozenset()
        self._missing: frozenset[str] = frozenset()
        self.joined = False
        """Whether this node is one of the cluster's at the moment: the bus answers, and knows of it."""
        self._apart = False
        """Whether it is to be found out yet which rooms of this node's others have taken meanwhile."""
        self._untold = False
        """Whether others may think that there still are pipes which there are not."""
        self._awaited: frozenset[str] = frozenset()
        """Nodes that were alive when the bus was lost, and not seen since. They may be as alive as this one."""
        self._awaited_until = math.inf
        self._tasks: asyncio.TaskGroup | None = None
        self.siblings: Siblings | None = None
        """The other processes of this machine, if there are any."""
        self.switchboard = Switchboard(
            self.name,
            publish=bus.publish,
            begin=self.begin,
            answer=self._answer,
            spawn=self._spawn,
            soon=Pace().soon,
        )
        self.homes = ClusterHomes(
            self.name,
            registry,
            occupied=self._occupied,
            restore=self._restore,
            alive=self._is_alive,
            unsettled=lambda: bool(self._awaited),
            spawn=self._spawn,
        )
        self.scribe = Scribe(registry, self.homes, Pace().soon)
        self.keeper = HomeKeeper(registry, self.homes.here, self.scribe.lost)
        self._introductions = Introductions(self.name, registry, likeness, monotonic)

    @property
    def nodes(self) -> frozenset[str]:
        """The living nodes, as far as is known."""
        return self._alive

    def furnish(self, sessions: SessionContext) -> None:
        """Tell it what all sessions of this node share."""
        self.sessions = sessions
        self.scribe.hub = sessions.hub
        local = LocalCensus(sessions.hub)
        self._answering = Answering(local, self.homes)
        self.census = ClusterCensus(local, self.homes, self.registry, self)

    async def run(self) -> None:
        """Be a node for as long as this is awaited."""
        _log.info("cluster.node", node=self.name)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self.bus.run(self.name, self))
                tasks.create_task(self._keep_lease())
                tasks.create_task(self.keeper.run())
                try:
                    await asyncio.get_running_loop().create_future()
                finally:
                    self.joined = False
                    with suppress(BusUnavailable):
                        await self.registry.retire(self.name)
        finally:
            self._tasks = None
            _log.info("cluster.node_ends", node=self.name)

    def converse(self, connection: Connection) -> Door:
        """See `Converse`."""
        return Door(Held(connection), self)

    async def find_place(self, message: bytes) -> HandOver | None:
        """See `FindPlace`."""
        wanted = registration(message)
        if wanted is None or self.siblings is None:
            return None
        node = await self.where(wanted.room_id)
        return None if node is None else self.siblings.reach(node)

    async def where(self, room_id: str) -> str | None:
        """See `House.where`."""
        try:
            node = await self.homes.where(room_id)
        except BusUnavailable:
            return None
        if node is None and self.homes.draining and room_id not in self.homes.here:
            return min(self._alive - {self.name}, default=None)  # whoever it is, it stays
        return node

    def begin(self, connection: Connection, refusals: int) -> Session:
        """See `House.begin`."""
        return Session(connection, self.sessions, refusals=refusals)

    def open(self, node: str, door: Door) -> tuple[Line, int]:
        """See `House.open`."""
        return self.switchboard.open(node, door)

    def shut(self, pipe: int) -> None:
        """See `House.shut`."""
        self.switchboard.shut(pipe)

    def received(self, batch: bytes) -> None:
        """See `BusListener.received`."""
        try:
            self.switchboard.received(batch)
        except Exception:  # noqa: BLE001 - a bug must reach the log, and must not end the node
            _log.exception("cluster.signal_failed")

    def unheard(self, node: str) -> None:
        """See `BusListener.unheard`."""
        self.switchboard.lost(node)

    def bus_lost(self) -> None:
        """See `BusListener.bus_lost`."""
        self.joined = False
        self._awaited |= self._alive - {self.name}
        self._alive = frozenset()
        self._introductions.forget()
        self.scribe.bus_lost()
        self.switchboard.all_lost()

    def bus_back(self) -> None:
        """See `BusListener.bus_back`."""
        self._apart = True
        self._awaited_until = self.monotonic() + LEASE_S

    async def _keep_lease(self) -> None:
        while True:
            if self.bus.up:
                try:
                    await self._renew()
                except BusUnavailable as error:
                    _log.warning("cluster.lease_not_renewed", cause=repr(error.__cause__ or error))
                self.switchboard.beat()
            await asyncio.sleep(RENEW_S if self.joined else RETRY_S)

    async def _renew(self) -> None:
        """Prolong this node's lease. After an outage it claims its rooms first: who sees it alive sees them there."""
        if self._apart:
            self._reconcile()
        lease = await self.registry.renew(self.name, LEASE_S)
        if lease.lost and self.joined:
            _log.warning("cluster.lease_lost")
            self._reconcile()
        self._live(lease.nodes)
        self.joined = self.bus.up
        await self._introductions.renew(self._alive)

    def _reconcile(self) -> None:
        self._apart = False
        self._untold = True
        self.scribe.bus_back()
        self.homes.bus_back()

    async def _is_alive(self, node: str) -> bool:
        """Whether a node is alive. Before it is said that it is not, the registry is asked.

        Raises `BusUnavailable` where that is not known: after an outage, until the node has had the time to come back.
        """
        if node not in self._alive:
            await self._renew()
        if node in self._awaited:
            raise BusUnavailable("A node may be about to come back")
        return node in self._alive

    def _live(self, nodes: frozenset[str]) -> None:
        """These are alive. One that was not known to be is dead only if it is missing twice: it may be new."""
        absent = self.switchboard.nodes - nodes
        for node in absent & (self._alive | self._missing):
            _log.warning("cluster.node_dead", node=node)
            self.switchboard.forget(node)
        self._missing = absent - self._alive
        for node in nodes - self._alive - {self.name}:
            _log.info("cluster.node_found", node=node)
        self._alive = nodes
        self._awaited -= nodes
        if self.monotonic() >= self._awaited_until:
            self._awaited, self._awaited_until = frozenset(), math.inf
        if self._untold:
            self._untold = False
            for node in nodes - {self.name}:
                self.switchboard.tell(node, Kind.BROKEN)

    def _occupied(self, room_id: str) -> bool:
        return self.sessions.hub.occupied(room_id)

    async def _restore(self, room_id: str, fields: Fields) -> None:
        """Have a room again as it was kept, if it still exists."""
        room = await self.sessions.registration.rooms.find(room_id)
        if room is not None:
            self.scribe.restore(room, fields)

    def begin_drain(self) -> int:
        """This node is about to end: tell everyone; in how many seconds all will have been sent to other nodes."""
        self.homes.draining = True
        peers = sum(1 for _ in self.sessions.hub) + self.switchboard.pipes[0]
        reconnect_within_s = max(1, math.ceil(drain_s(peers)))
        self.sessions.hub.announce_drain(reconnect_within_s)
        self.switchboard.announce_drain(reconnect_within_s)
        return reconnect_within_s

    async def drain(self) -> None:
        """Send everyone to other nodes. They find what was theirs there."""
        hub = self.sessions.hub
        if self.switchboard.doors():
            await asyncio.sleep(NOTICE_S)
        steps = [Step(1, door.send_away) for door in self.switchboard.doors()]
        rooms = list(self.homes.here)
        steps += [Step(len(hub.members(room_id)), partial(self.scribe.hand_over, room_id)) for room_id in rooms]
        _log.info("cluster.draining", rooms=len(rooms), peers=sum(step.peers for step in steps))
        await drain(steps, rng=random.Random())  # noqa: S311 - it only has to spread

    def room_ended(self, room_id: str) -> None:
        """Nobody is in a room any more."""
        self.scribe.ended(room_id)
        self.homes.emptied(room_id)

    async def others(self) -> frozenset[str]:
        """See `OtherNodes.others`."""
        if not self.joined:
            raise BusUnavailable("This node is not one of the cluster's")
        await self._renew()  # another one may have come since
        return self._alive - {self.name}

    async def ask(self, node: str, question: bytes) -> bytes:
        """See `OtherNodes.ask`."""
        return await self.switchboard.ask(node, question)

    async def _answer(self, question: bytes) -> bytes:
        return await self._answering.answer(question)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._tasks is None:
            work.close()
        else:
            self._tasks.create_task(_logged(work))


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # noqa: BLE001 - a bug must reach the log, and must not end the others
        _log.exception("cluster.failed")

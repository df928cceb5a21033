"""All nodes are restarted, one after the other, again and again: an application that is connected sees none of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from server_cluster import FULL, ServerCluster, running_cluster

import heliograph

from .scale import CALL_S, RESUME_WINDOW_S

ROUNDS: Final = 10 if FULL else 1
PACE_S: Final = 0.05
SIGNING_IN: Final = 8
HIDDEN: Final = (heliograph.Disconnected, heliograph.ServerDraining, heliograph.PeerAway, heliograph.PeerBack)
"""News of the connection to the server, which the SDK mends by itself."""


class Story:
    """What an application does all the time, and what it sees."""

    def __init__(self, session: heliograph.Session, connection: heliograph.Connection, where: dict[str, Any]) -> None:
        self._session = session
        self._connection = connection
        self._where = where
        self._over = False
        self.calls = 0
        self.said = 0
        self.newcomers = 0
        self.signed_in = 0
        self.slowest_s = 0.0

    def end(self) -> None:
        """Finish what was begun."""
        self._over = True

    async def call(self) -> None:
        """Call the worker, over the channel that is open."""
        loop = asyncio.get_running_loop()
        while not self._over:
            began = loop.time()
            assert await self._connection.call("double", self.calls, returns=int) == 2 * self.calls
            self.slowest_s = max(self.slowest_s, loop.time() - began)
            self.calls += 1
            await asyncio.sleep(PACE_S)

    async def talk(self) -> None:
        """Send messages through the server, and wait for each to have been taken."""
        while not self._over:
            await self._session.message("Worker-1", self.said, ack=True)
            self.said += 1
            await asyncio.sleep(PACE_S)

    async def come_anew(self) -> None:
        """Be another client that comes into the room, makes a connection, calls, and leaves."""
        while not self._over:
            async with heliograph.connect(**self._where, peer="Worker-1") as connection:
                assert await connection.call("double", 21, returns=int) == 42
            self.newcomers += 1

    async def sign_in(self) -> None:
        """Be many others that sign in, one after the other over connections that are kept: no request may be lost."""
        async with httpx.AsyncClient(base_url=self._where["url"]) as http:
            while not self._over:
                answer = await http.post("/anonymous-signin")
                assert answer.status_code == httpx.codes.OK, answer.text
                self.signed_in += 1
                await asyncio.sleep(PACE_S)


async def everything(events: AsyncIterator[heliograph.RoomEvent]) -> list[heliograph.RoomEvent]:
    """All events of a session, once it is over."""
    return [event async for event in events]


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ServerCluster]:
    """Three nodes behind a load balancer."""
    async with running_cluster(tmp_path / "data", resume_window_s=RESUME_WINDOW_S) as cluster:
        yield cluster


@pytest.mark.timeout(540)
async def test_an_open_session_sees_nothing_of_rolling_restarts(cluster: ServerCluster) -> None:
    room = await heliograph.create_room(cluster.url)
    where: dict[str, Any] = {"url": cluster.url, "room": room.room_id, "token": room.token}
    worker = heliograph.Worker(**where, peer_id="Worker-1")

    @worker.rpc("double")
    async def double(number: int) -> int:
        return 2 * number

    async with worker, heliograph.connect(**where, peer_id="Client-1") as session:
        seeing = asyncio.create_task(everything(session.events()))
        hearing = asyncio.create_task(everything(worker.events()))
        async with await session.connect("Worker-1") as connection, asyncio.TaskGroup() as tasks:
            story = Story(session, connection, where)
            for doing in (story.call(), story.talk(), story.come_anew(), *(story.sign_in() for _ in range(SIGNING_IN))):
                tasks.create_task(doing)
            for _ in range(ROUNDS):
                before = story.newcomers
                for node in cluster.nodes:
                    assert await node.stop() == 0
                    await node.start()
                    await cluster.start()  # until it is ready
                assert story.newcomers > before
            story.end()
    seen, heard = await seeing, await hearing
    print(f"{story.calls} calls, the slowest took {story.slowest_s:.3f} s")
    print(f"{story.newcomers} newcomers, and {story.signed_in} others signed in")
    assert story.slowest_s < CALL_S
    assert [event.payload for event in heard if isinstance(event, heliograph.PeerMessage)] == list(range(story.said))
    for events, other in ((seen, "Worker-1"), (heard, "Client-1")):
        registered = [event.resumed for event in events if isinstance(event, heliograph.Registered)]
        assert registered == [False] + [True] * (len(registered) - 1)
        assert len(registered) > ROUNDS
        left = [event for event in events if isinstance(event, heliograph.PeerLeft) and event.peer.peer_id == other]
        assert {event.reason for event in left} <= {"left"}  # of its own, in the end
    known = (*HIDDEN, heliograph.Registered, heliograph.PeerMessage, heliograph.PeerJoined, heliograph.PeerLeft)
    assert [event for event in (*seen, *heard) if not isinstance(event, known)] == []
    assert cluster.events("cluster.failed") == []

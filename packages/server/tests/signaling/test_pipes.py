"""Two nodes without a bus: a door on one, the room on the other, and what is between them delivered, lost, repeated or
swapped by hand."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from heliograph_server.cluster import door as doors
from heliograph_server.cluster import switchboard as switchboards
from heliograph_server.cluster.bus import BusUnavailable
from heliograph_server.cluster.door import Door
from heliograph_server.cluster.lines import Line
from heliograph_server.cluster.pipe import BACKLOG_FRAMES
from heliograph_server.cluster.switchboard import Switchboard
from heliograph_server.identity.verifier import User
from heliograph_server.signaling.session import Session
from heliograph_server.transport.connection import MESSAGE_BYTES, OUTGOING_BYTES, Connection

from .links import MemoryConnection, Peer, World

HOME, DOOR = "home", "door"
NORMAL, RESTARTING, MESSAGE_TOO_BIG, OVER_LIMIT, TOO_SLOW = 1000, 1012, 1009, 4008, 4009

Batch = tuple[str, bytes]
"""For whom, and what."""


class Post:
    """What the nodes send to each other waits here."""

    def __init__(self) -> None:
        self.boards: dict[str, Switchboard] = {}
        self.waiting: list[Batch] = []

    def publish(self, node: str, batch: bytes) -> None:
        self.waiting.append((node, batch))

    async def collect(self) -> list[Batch]:
        """What the nodes have sent by now."""
        for _ in range(5):
            await asyncio.sleep(0)
        waiting, self.waiting = self.waiting, []
        return waiting

    def hand_out(self, batches: list[Batch]) -> None:
        for node, batch in batches:
            self.boards[node].received(batch)

    async def deliver(self) -> None:
        """All, and all that follows from it."""
        while batches := await self.collect():
            self.hand_out(batches)


class Site:
    """A node. See `House`."""

    rate_per_s = 1_000_000

    def __init__(self, name: str, post: Post) -> None:
        self.world = World()
        self.monotonic: Callable[[], float] = self.world.clock
        self.question: bytes | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.board = post.boards[name] = Switchboard(
            name, publish=post.publish, begin=self.begin, answer=self._answer, spawn=self._spawn
        )

    async def where(self, room_id: str) -> str | None:
        return HOME

    def begin(self, connection: Connection, refusals: int) -> Session:
        return Session(connection, self.world.context, refusals=refusals)

    def open(self, node: str, door: Door) -> tuple[Line, int]:
        return self.board.open(node, door)

    def shut(self, pipe: int) -> None:
        self.board.shut(pipe)

    async def _answer(self, question: bytes) -> bytes:
        self.question = question
        return question[::-1]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Caller:
    """A peer at the door."""

    def __init__(self, between: "Between") -> None:
        self.connection = MemoryConnection()
        self.door = Door(self.connection, between.door)
        self._entering: asyncio.Task[None] | None = None

    def register(self, name: str, **fields: Any) -> None:
        frame = {"type": "register", "peer_id": name, "room_id": "room", "token": "t", "id_token": f"user:{name}"}
        pending = self.door.receive(json.dumps(frame | fields).encode())
        assert pending is not None

        async def enter() -> None:
            await pending

        self._entering = asyncio.create_task(enter())

    def say(self, message: dict[str, Any]) -> None:
        assert self.door.receive(json.dumps(message).encode()) is None

    def heard(self) -> list[str]:
        return [message["type"] for message in self.connection.take()]


class Between:
    """Both nodes, with `there` in the room at the home and `caller` in it through the door."""

    def __init__(self) -> None:
        self.post = Post()
        self.home, self.door = Site(HOME, self.post), Site(DOOR, self.post)
        self.there: Peer
        self.caller: Caller

    def offer(self, number: int) -> None:
        self.caller.say({"type": "offer", "target": "there", "sdp": str(number)})

    def offers(self) -> list[str]:
        return [message["sdp"] for message in self.there.heard() if message["type"] == "offer"]

    def members(self) -> set[str]:
        return {member.peer_id for member in self.home.world.hub}


@pytest.fixture
async def between() -> Between:
    between = Between()
    between.there = between.home.world.peer("there")
    between.caller = Caller(between)
    between.caller.register("caller")
    await between.post.deliver()
    assert between.caller.heard() == ["registered_auth"]
    assert between.members() == {"there", "caller"}
    return between


async def test_frames_go_both_ways(between: Between) -> None:
    between.offer(1)
    between.caller.say({"type": "ping"})
    await between.post.deliver()
    assert between.offers() == ["1"]
    assert between.caller.heard() == ["pong"]
    between.caller.say({"type": "leave"})
    await between.post.deliver()
    assert between.caller.connection.close_code == NORMAL
    assert between.members() == {"there"}
    assert between.home.board.pipes == between.door.board.pipes == (0, 0)


async def test_after_a_loss_on_the_way_to_the_home_nothing_more_is_taken(between: Between) -> None:
    between.offer(1)
    [_] = await between.post.collect()  # lost
    between.offer(2)
    await between.post.deliver()
    assert between.offers() == []
    assert between.home.board.gaps == 1
    assert between.members() == {"there"}
    assert between.caller.heard() == ["error"]
    assert between.caller.connection.close_code == RESTARTING


async def test_after_a_loss_on_the_way_to_the_door_the_peer_is_sent_to_resume(between: Between) -> None:
    between.there.say({"type": "offer", "target": "caller", "sdp": "1"})
    [_] = await between.post.collect()  # lost
    between.there.say({"type": "offer", "target": "caller", "sdp": "2"})
    await between.post.deliver()
    assert between.door.board.gaps == 1
    assert between.caller.heard() == ["error"]
    assert between.caller.connection.close_code == RESTARTING
    assert between.members() == {"there"}


async def test_a_batch_that_comes_twice_is_not_taken_twice(between: Between) -> None:
    between.offer(1)
    batches = await between.post.collect()
    between.post.hand_out(batches + batches)
    await between.post.deliver()
    assert between.offers() == ["1"]
    assert between.home.board.gaps == 1
    assert between.caller.connection.close_code == RESTARTING


async def test_batches_that_change_places_are_not_taken_in_the_wrong_order(between: Between) -> None:
    between.offer(1)
    first = await between.post.collect()
    between.offer(2)
    second = await between.post.collect()
    between.post.hand_out(second + first)
    await between.post.deliver()
    assert between.offers() == []
    assert between.home.board.gaps >= 2
    assert between.caller.connection.close_code == RESTARTING


async def test_after_a_gap_new_pipes_work(between: Between) -> None:
    between.offer(1)
    await between.post.collect()
    between.offer(2)
    await between.post.deliver()
    between.caller = Caller(between)
    between.caller.register("again")
    await between.post.deliver()
    between.offer(3)
    await between.post.deliver()
    assert between.offers() == ["3"]
    assert between.caller.connection.close_code is None


async def test_a_frame_for_a_pipe_that_the_home_does_not_have_closes_its_peer(between: Between) -> None:
    between.home.board.lost(DOOR)  # a home that has begun anew knows nothing of it
    between.offer(1)
    await between.post.deliver()
    assert between.offers() == []
    assert between.caller.connection.close_code == RESTARTING
    assert between.door.board.pipes == (0, 0)


async def test_a_frame_for_a_door_that_is_gone_reaches_nobody_and_does_no_harm(between: Between) -> None:
    between.there.say({"type": "offer", "target": "caller", "sdp": "1"})
    on_the_way = await between.post.collect()
    between.caller.connection.close(1006, "")
    between.caller.door.disconnected()
    between.post.hand_out(on_the_way)
    await between.post.deliver()
    assert between.caller.heard() == []
    assert between.members() == {"there"}
    assert between.home.board.gaps == between.door.board.gaps == 0


async def test_what_is_no_batch_is_dropped(between: Between) -> None:
    for nonsense in (b"", b"\xc1", b"\x93\xa4home\x01\x01", b"{}"):
        between.door.board.received(nonsense)
    between.caller.say({"type": "ping"})
    await between.post.deliver()
    assert between.caller.heard() == ["pong"]


async def test_a_node_that_is_dead_takes_its_pipes_along(between: Between) -> None:
    between.home.board.forget(DOOR)
    assert between.members() == {"there"}
    between.door.board.forget(HOME)
    assert between.caller.connection.close_code == RESTARTING
    assert between.door.board.nodes == between.home.board.nodes == frozenset()


async def test_a_lost_bus_takes_all_pipes_along_and_what_waited(between: Between) -> None:
    between.offer(1)
    between.door.board.all_lost()
    between.home.board.all_lost()
    assert await between.post.collect() == []
    assert between.caller.connection.close_code == RESTARTING
    assert between.members() == {"there"}


async def test_who_says_too_much_before_the_reply_is_closed(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: asyncio.Future[User] = asyncio.get_running_loop().create_future()

    async def verify(_: str) -> User:
        return await asked

    monkeypatch.setattr(between.home.world.door, "verify", verify)
    between.home.world.door.near = False
    slow = Caller(between)
    slow.register("slow")
    await between.post.deliver()
    [end] = [end for (_, pipe), end in between.home.board._ends.items() if pipe == 2]
    for _ in range(BACKLOG_FRAMES):
        end.receive(b'{"type":"ping"}')
    assert not end.connection.closed
    end.receive(b'{"type":"ping"}')
    await between.post.deliver()
    assert slow.connection.close_code == OVER_LIMIT
    asked.set_result(User(issuer="test", subject="slow"))
    await between.post.deliver()
    assert between.members() == {"there", "caller"}


async def test_a_door_that_does_not_drain_is_closed_at_the_bound(between: Between) -> None:
    text = "x" * 60_000
    for _ in range(OUTGOING_BYTES // len(text) + 1):
        between.there.say({"type": "offer", "target": "caller", "sdp": text})  # nothing of it is delivered
    assert between.members() == {"there", "caller"}  # its end comes with the turn
    await between.post.deliver()
    assert between.caller.connection.close_code == TOO_SLOW
    assert between.members() == {"there"}


async def test_a_message_that_is_too_big_stays_at_the_door(between: Between) -> None:
    assert between.caller.door.receive(b" " * (MESSAGE_BYTES + 1)) is None
    assert between.caller.connection.close_code == MESSAGE_TOO_BIG
    assert await between.post.collect() == []


async def test_far_too_many_messages_stay_at_the_door_and_are_answered_for(
    between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Site, "rate_per_s", 1)
    monkeypatch.setattr(doors, "OVERFLOW_FACTOR", 1)
    fast = Caller(between)
    fast.register("fast")
    await between.post.deliver()
    fast.heard()
    for number in range(6):
        fast.say({"type": "offer", "target": "there", "sdp": str(number)})
    await between.post.deliver()
    assert between.offers() == ["0", "1"]
    assert fast.heard() == ["error"] * 4  # nothing that can be read: what they were is at the door


async def test_questions_are_answered_by_number(between: Between) -> None:
    first = asyncio.create_task(between.door.board.ask(HOME, b"first"))
    second = asyncio.create_task(between.door.board.ask(HOME, b"second"))
    await between.post.deliver()
    assert (await first, await second) == (b"tsrif", b"dnoces")


async def test_a_question_to_a_node_that_is_lost_fails_at_once(between: Between) -> None:
    asked = asyncio.create_task(between.door.board.ask(HOME, b"?"))
    await between.post.collect()
    between.door.board.lost(HOME)
    with pytest.raises(BusUnavailable, match="Another node was lost"):
        await asked


async def test_a_question_that_nobody_answers_ends(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switchboards, "ASK_TIMEOUT_S", 0.01)
    with pytest.raises(BusUnavailable, match="did not answer"):
        await between.door.board.ask(HOME, b"?")


async def test_questions_have_a_bound(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switchboards, "MAX_ASKED", 2)
    waiting = [asyncio.create_task(between.door.board.ask(HOME, b"?")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(BusUnavailable, match="Too many requests"):
        await between.door.board.ask(HOME, b"one too many")
    await between.post.deliver()
    assert [await asked for asked in waiting] == [b"?", b"?"]
    last = asyncio.create_task(between.door.board.ask(HOME, b"now"))
    await between.post.deliver()
    assert await last == b"won"

"""Peers that are killed, stopped or cut off, with a real server and in processes of their own."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

import heliograph
from heliograph import Reconnected, Reconnecting
from heliograph.testing import cut_path

NOTICED_S = 5.0
LIMIT_S = 30
HELD_UP_S = 2.0

WORKER = """
import asyncio, sys, heliograph
link, id_token = sys.argv[1:]
worker = heliograph.Worker(link, peer_id="Worker-1", id_token=id_token)

@worker.on_channel("chat")
async def echo(channel):
    async for message in channel:
        await channel.send(message)

asyncio.run(worker.run())
"""


class Place(NamedTuple):
    """A room, and a way to start the program of a worker in it."""

    where: dict[str, Any]
    start_worker: Callable[[], Any]


@asynccontextmanager
async def place_on(server: Any, program: Callable[..., Any]) -> AsyncIterator[Place]:
    room = await heliograph.create_room(server.url)
    async with heliograph.Api(server.url) as api:
        id_token = (await api.sign_in()).id_token  # the same user each time, or its id would be taken
    link = f"{server.url}/#room={room.room_id}&token={room.token}"
    yield Place(
        {"url": server.url, "room": room.room_id, "token": room.token}, lambda: program("-c", WORKER, link, id_token)
    )


@pytest.fixture
async def place(server: Any, program: Callable[..., Any]) -> AsyncIterator[Place]:
    async with place_on(server, program) as there:
        yield there


async def next_event(kind: type, events: AsyncIterator[Any], limit_s: float) -> Any:
    async with asyncio.timeout(limit_s):
        async for event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"there was no {kind.__name__}")


async def ask(connection: heliograph.Connection, words: str) -> str | bytes:
    async with asyncio.timeout(LIMIT_S):
        chat = connection.channel("chat")
        await chat.send(words)
        return await chat.receive()


async def test_a_killed_worker_is_noticed_and_its_successor_is_dialled(place: Place, in_room: Any) -> None:
    loop = asyncio.get_running_loop()
    async with heliograph.connect(**place.where) as session:
        async with place.start_worker() as worker:
            await in_room("Worker-1", session.peers)
            connection = await session.connect("Worker-1")
            assert await ask(connection, "hello") == "hello"
            events = connection.events()
            worker.send_signal(signal.SIGKILL)
            killed_at = loop.time()
            lost = await next_event(Reconnecting, events, NOTICED_S)
            assert loop.time() - killed_at < NOTICED_S
            assert lost.peer_id == "Worker-1"
        async with place.start_worker():
            assert await next_event(Reconnected, events, LIMIT_S) == Reconnected("Worker-1", kept=False)
            assert await ask(connection, "and now?") == "and now?"
            await connection.close()


async def test_a_worker_that_is_held_up_for_two_seconds_is_not_given_up(place: Place, in_room: Any) -> None:
    async with place.start_worker() as worker, heliograph.connect(**place.where) as session:
        await in_room("Worker-1", session.peers)
        async with await session.connect("Worker-1") as connection:
            events = connection.events()
            worker.send_signal(signal.SIGSTOP)
            asyncio.get_running_loop().call_later(HELD_UP_S, worker.send_signal, signal.SIGCONT)
            assert await ask(connection, "take your time") == "take your time"
            with pytest.raises(TimeoutError):
                await next_event(Reconnecting, events, HELD_UP_S)


async def test_redialling_waits_for_a_server_that_is_away(mortal_server: Any, make_echo_worker: Any) -> None:
    room = await heliograph.create_room(mortal_server.url)
    where: Any = {"room": room.room_id, "token": room.token}
    async with (
        make_echo_worker(mortal_server.url, room),
        heliograph.connect(mortal_server.url, peer="Worker-1", **where) as connection,
    ):
        events = connection.events()
        await mortal_server.stop(kill=True)
        with cut_path(connection):
            await next_event(Reconnecting, events, NOTICED_S)
        await mortal_server.start()
        assert await next_event(Reconnected, events, LIMIT_S) == Reconnected("Worker-1", kept=True)
        assert await ask(connection, "all back?") == "all back?"

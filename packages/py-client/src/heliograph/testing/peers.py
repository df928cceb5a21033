"""Connections without a server: between two peers, or to a `Worker`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from heliograph.peer.connection import CONNECT_TIMEOUT_S, Connection
from heliograph.peer.ice_servers import usable_ice_servers
from heliograph.peer.switchboard import Refusal, Switchboard
from heliograph.rpc.methods import Methods
from heliograph.testing.room import MemoryRoom
from heliograph.worker import Worker

__all__ = ["connected", "pair"]


@asynccontextmanager
async def connected(
    worker: Worker,
    *,
    peer_id: str = "Client-1",
    room: MemoryRoom | None = None,
    timeout_s: float = CONNECT_TIMEOUT_S,
) -> AsyncIterator[Connection]:
    """Connect to a worker that has not been entered, as a client named `peer_id` would. No server is needed.

    The worker's handlers run as in production, over real WebRTC on this machine; only its `Member` methods, which ask
    the server, raise `SignalingLost`. Each call has a room of its own, unless one is given: several clients can be
    connected to one worker at once.
    """
    meeting = room or MemoryRoom()
    serve, admit, methods = worker._serve, worker._admit, worker._methods  # noqa: SLF001 - no business of its users
    async with (
        _serving(meeting, worker.peer_id, serve=serve, admit=admit, methods=methods, timeout_s=timeout_s),
        _serving(meeting, peer_id, timeout_s=timeout_s) as client,
    ):
        yield await client.dial(client.prepare(worker.peer_id))


@asynccontextmanager
async def pair(
    *, room: MemoryRoom | None = None, timeout_s: float = CONNECT_TIMEOUT_S
) -> AsyncIterator[tuple[Connection, Connection]]:
    """Two ends of one connection: the one of `Client-1`, which made it, and the one of `Worker-1`, which answered."""
    meeting = room or MemoryRoom()
    answered: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    async def keep(connection: Connection) -> None:
        if not answered.done():
            answered.set_result(connection)
        await connection.wait_closed()

    async with (
        _serving(meeting, "Worker-1", serve=keep, timeout_s=timeout_s),
        _serving(meeting, "Client-1", timeout_s=timeout_s) as client,
    ):
        connection = await client.dial(client.prepare("Worker-1"))
        async with asyncio.timeout(timeout_s):
            other = await answered
        yield connection, other


async def _until_closed(connection: Connection) -> None:
    await connection.wait_closed()


@asynccontextmanager
async def _serving(
    room: MemoryRoom,
    peer_id: str,
    *,
    serve: Callable[[Connection], Awaitable[None]] = _until_closed,
    admit: Callable[[str], Refusal | None] = lambda _: None,
    methods: Methods | None = None,
    timeout_s: float,
) -> AsyncIterator[Switchboard]:
    """A peer in the room while the block runs; its connections are closed after it."""
    no_servers = usable_ice_servers([])
    switchboard = Switchboard(
        room.join(peer_id),
        ice_servers=lambda: no_servers,
        admit=admit,
        serve=serve,
        methods=methods,
        timeout_s=timeout_s,
    )
    running = asyncio.create_task(switchboard.run(), name=f"switchboard of {peer_id}")
    await asyncio.sleep(0)  # let it start, so that a connection finds it running
    try:
        yield switchboard
    finally:
        running.cancel()
        await asyncio.wait([running])
        room.leave(peer_id)

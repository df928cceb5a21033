"""Peers in a room in memory, for tests of what they do with each other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from heliograph.peer.connection import Connection
from heliograph.peer.ice_servers import UsableIceServers, usable_ice_servers
from heliograph.peer.switchboard import Refusal, Switchboard
from heliograph.testing import MemoryRoom
from heliograph.testing.room import MemorySignaling
from heliograph_protocol import Metadata, Peer

Serve = Callable[[Connection], Awaitable[None]]


def no_ice_servers() -> UsableIceServers:
    return usable_ice_servers([])


async def echo(connection: Connection) -> None:
    channel = await connection.accept_channel()
    async for message in channel:
        await channel.send(message)


@asynccontextmanager
async def peer(
    room: MemoryRoom,
    peer_id: str,
    *,
    serve: Serve = echo,
    refusal: Refusal | None = None,
    timeout_s: float = 10.0,
    redial_timeout_s: float = 30.0,
) -> AsyncIterator[Switchboard]:
    joined = room.join(peer_id)
    async with switchboard_of(
        joined, serve=serve, refusal=refusal, timeout_s=timeout_s, redial_timeout_s=redial_timeout_s
    ) as switchboard:
        yield switchboard


@asynccontextmanager
async def switchboard_of(
    joined: MemorySignaling,
    *,
    serve: Serve = echo,
    refusal: Refusal | None = None,
    timeout_s: float = 10.0,
    redial_timeout_s: float = 30.0,
) -> AsyncIterator[Switchboard]:
    switchboard = Switchboard(
        joined,
        ice_servers=no_ice_servers,
        admit=lambda _: refusal,
        serve=serve,
        timeout_s=timeout_s,
        redial_timeout_s=redial_timeout_s,
    )
    running = asyncio.create_task(switchboard.run())
    await asyncio.sleep(0)
    try:
        yield switchboard
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()


def seen(peer_id: str) -> Peer:
    """A peer as the server tells of it."""
    return Peer(peer_id=peer_id, role="worker", metadata=Metadata(), groups=["default"], connected_at=0, state="online")


async def dial(switchboard: Switchboard, peer_id: str) -> Connection:
    return await switchboard.dial(switchboard.prepare(peer_id))

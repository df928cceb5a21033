"""Finding the peer that a command talks to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.cli.options import RoomOptions
from heliograph.client import Session, connect
from heliograph.errors import ConfigurationError, PeerNotFound
from heliograph.peer.connection import Connection

__all__ = ["connected"]


@asynccontextmanager
async def connected(where: RoomOptions, peer: str | None) -> AsyncIterator[Connection]:
    """A connection to the peer, or to the only other one in the room."""
    if peer is not None:
        async with connect(
            where.url, peer=peer, room=where.room, token=where.token, ice_servers=where.ice_servers
        ) as connection:
            yield connection
        return
    async with connect(where.url, room=where.room, token=where.token, ice_servers=where.ice_servers) as session:
        yield await session.connect(await _only_peer(session))


async def _only_peer(session: Session) -> str:
    others = await session.peers()
    if not others:
        raise PeerNotFound(f"Nobody else is in room {session.room_id}", code="PEER_NOT_FOUND")
    if len(others) > 1:
        raise ConfigurationError(f"Choose one with --peer: {', '.join(sorted(others))}")
    return others[0]

"""Entering a room, and finding the peer that a command talks to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.cli.where import Where
from heliograph.client import Session, connect
from heliograph.config import random_peer_id
from heliograph.errors import ConfigurationError, PeerNotFound
from heliograph.peer.connection import Connection

__all__ = ["OBSERVER", "connected", "enter"]

OBSERVER = "observer"
"""The role of somebody who only looks: nobody to talk to."""
CLIENT = "client"


@asynccontextmanager
async def enter(where: Where, *, role: str = CLIENT, peer_id: str | None = None) -> AsyncIterator[Session]:
    """A session in the room."""
    room, token = await where.admission()
    async with connect(
        where.url,
        room=room,
        token=token,
        id_token=where.id_token,
        role=role,
        peer_id=peer_id or random_peer_id(role.capitalize()),
        ice_servers=where.ice_servers,
    ) as session:
        yield session


@asynccontextmanager
async def connected(where: Where, peer: str | None) -> AsyncIterator[Connection]:
    """A connection to the peer, or to the only other one in the room."""
    if peer is None:
        async with enter(where) as session:
            yield await session.connect(await only_peer(session))
        return
    room, token = await where.admission()
    async with connect(
        where.url, peer=peer, room=room, token=token, id_token=where.id_token, ice_servers=where.ice_servers
    ) as connection:
        yield connection


async def only_peer(session: Session) -> str:
    """The only other peer in the room that does not merely look. Raises if there is none, or a choice."""
    there = await session.peers()
    roster = session.roster
    others = [peer_id for peer_id in there if peer_id not in roster or roster[peer_id].role != OBSERVER]
    if not others:
        raise PeerNotFound(f"Nobody else is in room {session.room_id}", code="PEER_NOT_FOUND")
    if len(others) > 1:
        raise ConfigurationError(f"Choose one with --peer: {', '.join(sorted(others))}")
    return others[0]

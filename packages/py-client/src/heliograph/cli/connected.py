"""Entering a room, and finding the peer that a command talks to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from heliograph.cli.output import Output
from heliograph.cli.where import Where
from heliograph.client import Session, connect
from heliograph.config import random_peer_id
from heliograph.errors import ConfigurationError, EventsMissed, PeerNotFound, UnsupportedByServer
from heliograph.events import Registered
from heliograph.peer.connection import Connection
from heliograph_protocol import PeerJoined

__all__ = ["OBSERVER", "RECEIVER", "connected", "enter"]

OBSERVER = "observer"
"""The role of somebody who only looks: nobody to talk to."""
CLIENT = "client"
RECEIVER = "receiver"
"""The role of somebody who takes files."""


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
async def connected(
    where: Where, peer: str | None, *, out: Output, wait_s: float | None = 0, role: str | None = None
) -> AsyncIterator[Connection]:
    """A connection to the peer, or to the only other one in the room; if one alone has the `role`, that is enough.

    For one that is not there yet it waits `wait_s` seconds; None is without end.
    """
    if peer is not None and wait_s == 0:
        room, token = await where.admission()
        with out.status(f"Connecting to {peer}…"):
            opened = connect(
                where.url, peer=peer, room=room, token=token, id_token=where.id_token, ice_servers=where.ice_servers
            )
            connection = await opened.__aenter__()
        try:
            yield connection
        finally:
            await opened.__aexit__(None, None, None)
        return
    async with enter(where) as session:
        found = await _awaited(session, _Wanted(peer, role), wait_s, out)
        with out.status(f"Connecting to {found}…"):
            connection = await session.connect(found)
        async with connection:
            yield connection


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A peer of this id, or else the only one, at least of this role."""

    peer: str | None
    role: str | None

    def __str__(self) -> str:
        return self.peer or "somebody"


async def _awaited(session: Session, wanted: _Wanted, wait_s: float | None, out: Output) -> str:
    """The peer's id as soon as it is in the room."""
    try:
        return await _present(session, wanted)
    except PeerNotFound:
        if wait_s == 0:
            raise
    if not session.grants:
        raise UnsupportedByServer("This server speaks level 1 of the protocol, and tells nobody who comes")
    try:
        with out.status(f"Waiting for {wanted} to come…"):
            async with asyncio.timeout(wait_s):
                return await _coming(session, wanted)
    except TimeoutError:
        words = f"{wanted.peer} did not come in {wait_s:g} s" if wanted.peer else f"Nobody came in {wait_s:g} s"
        raise PeerNotFound(words, code="PEER_NOT_FOUND") from None


async def _coming(session: Session, wanted: _Wanted) -> str:
    while True:
        try:
            async for event in session.events():
                if isinstance(event, Registered | PeerJoined):
                    try:
                        return await _present(session, wanted)
                    except PeerNotFound:
                        continue
        except EventsMissed:
            continue
        raise PeerNotFound(f"The room ended before {wanted} came", code="PEER_NOT_FOUND")


async def _present(session: Session, wanted: _Wanted) -> str:
    if wanted.peer is None:
        return await only_peer(session, role=wanted.role)
    if wanted.peer not in await session.peers():
        raise PeerNotFound(f"No peer {wanted.peer} in this room", code="PEER_NOT_FOUND")
    return wanted.peer


async def only_peer(session: Session, *, role: str | None = None) -> str:
    """The only other peer that does not merely look, or the only one of the role. Raises if none is, or several are."""
    there = await session.peers()
    roster = session.roster
    others = [peer_id for peer_id in there if peer_id not in roster or roster[peer_id].role != OBSERVER]
    if not others:
        raise PeerNotFound(f"Nobody else is in room {session.room_id}", code="PEER_NOT_FOUND")
    fitting = [peer_id for peer_id in others if peer_id in roster and roster[peer_id].role == role]
    if len(fitting) == 1:
        return fitting[0]
    if len(others) > 1:
        raise ConfigurationError(f"Choose one with --peer: {', '.join(sorted(others))}")
    return others[0]

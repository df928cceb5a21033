"""`heliograph peers`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import click
import msgspec
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from heliograph.cli.connected import OBSERVER, enter
from heliograph.cli.filters import PeerFilter, filter_options
from heliograph.cli.group import Command
from heliograph.cli.output import Output, grid, screen
from heliograph.cli.run import run
from heliograph.cli.times import ago
from heliograph.cli.where import Where, output_options, room_options
from heliograph.client import Session
from heliograph.errors import EventsMissed
from heliograph.events import Disconnected, Registered, RoomEvent
from heliograph_protocol import Peer, PeerAway, PeerBack, PeerJoined, PeerLeft, PeerUpdated

__all__ = ["peers"]

COLUMNS = ("peer", "role", "state", "tags", "properties", "claimed by", "here since")
REFRESH_PER_S = 2
"""How often the table is drawn: its times go on even if nothing happens."""
MIN_REFRESH_S = 0.1
"""Between two looks at the room: news that come together are shown together."""

PeersNow = dict[str, Peer]


@click.command(cls=Command, short_help="Show who is in a room, as it changes.")
@room_options
@filter_options
@click.option(
    "--watch/--once", default=None, help="Go on as peers come, change and leave.  [default: --watch in a terminal]"
)
@output_options
def peers(*, where: Where, filters: PeerFilter, watch: bool | None, out: Output) -> None:
    """Show who is in a room: a table that is kept up to date until Ctrl-C.

    Where the output is no terminal it is one line a peer, or with --watch one line an event. Others see you as a peer
    with the role `observer`.
    """
    goes_on = out.is_live if watch is None else watch
    run(lambda: _peers(where, filters, watch=goes_on, out=out), out=out, until_stopped=False)


async def _peers(where: Where, filters: PeerFilter, *, watch: bool, out: Output) -> None:
    async with enter(where, role=OBSERVER) as session:
        now = await _look(session, filters)
        if watch and out.is_live:
            await _show(session, filters, now)
        elif out.is_live:
            screen.print(_table(now))
        else:
            for peer in _sorted(now):
                out.row("peer", _cells(peer), peer=msgspec.to_builtins(peer))
            if watch:
                await _tell(session, filters, now, out)


async def _look(session: Session, filters: PeerFilter) -> PeersNow:
    return {peer.peer_id: peer for peer in await session.discover(**filters.arguments)}


async def _news(session: Session) -> AsyncIterator[RoomEvent]:
    """What concerns who is there. Falling behind means only to look again."""
    while True:
        try:
            async for event in session.events():
                match event:
                    case (
                        Registered()
                        | Disconnected()
                        | PeerJoined()
                        | PeerUpdated()
                        | PeerAway()
                        | PeerBack()
                        | PeerLeft()
                    ):
                        yield event
                    case _:
                        pass
        except EventsMissed:
            continue
        return


async def _show(session: Session, filters: PeerFilter, now: PeersNow) -> None:
    status = ""

    def table() -> RenderableType:
        words = f"{len(now)} in room {session.room_id}{status}. Ctrl-C ends."
        return Group(_table(now), Text(words, style="dim"))

    with Live(console=screen, get_renderable=table, refresh_per_second=REFRESH_PER_S) as live:
        async for event in _news(session):
            if isinstance(event, Disconnected):
                status = " when the server was last heard, reconnecting"
            else:
                status = ""
                now = await _look(session, filters)
                await asyncio.sleep(MIN_REFRESH_S)
            live.refresh()


async def _tell(session: Session, filters: PeerFilter, before: PeersNow, out: Output) -> None:
    async for event in _news(session):
        if isinstance(event, Disconnected):
            continue
        now = await _look(session, filters)
        for peer_id in sorted(before.keys() | now.keys()):
            old, new = before.get(peer_id), now.get(peer_id)
            if old is None and new is not None:
                _row("peer_joined", new, out)
            elif old is not None and new is None:
                _row("peer_left", old, out)
            elif old != new and new is not None:
                _row("peer_changed", new, out)
        before = now


def _table(now: PeersNow) -> RenderableType:
    """Without the columns in which there is nothing: the others need the room."""
    rows = [_cells(peer) for peer in _sorted(now)]
    used = [at for at in range(len(COLUMNS)) if not rows or any(row[at] for row in rows)]
    return grid([COLUMNS[at] for at in used], [[row[at] for at in used] for row in rows])


def _row(event: str, peer: Peer, out: Output) -> None:
    words = event.removeprefix("peer_")
    out.row(event, (words, *_cells(peer)), peer=msgspec.to_builtins(peer))


def _sorted(now: PeersNow) -> list[Peer]:
    return sorted(now.values(), key=lambda peer: (peer.role, peer.peer_id))


def _cells(peer: Peer) -> tuple[str, ...]:
    properties = (
        f"{name}={value if isinstance(value, str) else msgspec.json.encode(value).decode()}"
        for name, value in sorted(peer.metadata.properties.items())
    )
    return (
        peer.peer_id,
        peer.role,
        peer.state,
        ", ".join(peer.metadata.tags),
        ", ".join(properties),
        ", ".join(peer.claimed_by),
        ago(peer.connected_at),
    )

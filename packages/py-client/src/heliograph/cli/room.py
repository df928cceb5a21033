"""`heliograph room`: create, list, show, close."""

from __future__ import annotations

from urllib.parse import urlencode

import click
import msgspec

from heliograph.api import Api, Room, RoomDetails, create_room
from heliograph.cli.group import Command, Group
from heliograph.cli.output import Output
from heliograph.cli.run import run
from heliograph.cli.times import ago, until
from heliograph.cli.where import Where, output_options, room_options, server_options
from heliograph.errors import ConfigurationError
from heliograph_protocol import Peer

__all__ = ["given_or_made_room", "made_room", "room", "room_link"]


@click.group(cls=Group, short_help="Create, list, show and close rooms.")
def room() -> None:
    """Rooms: peers in the same room can find each other."""


@room.command(cls=Command)
@server_options
@click.option("--name", help="What to call it.")
@click.option("--ttl", "ttl_s", type=click.IntRange(min=1), metavar="SECONDS", help="How long peers get in.")
@click.option("--max-peers", type=click.IntRange(min=1), help="How many peers it takes.")
@click.option("-q", "--quiet", is_flag=True, help="Print the link alone.")
@output_options
def create(
    *, where: Where, name: str | None, ttl_s: int | None, max_peers: int | None, quiet: bool, out: Output
) -> None:
    """Create a room and print its id, token and link. Whoever has the link gets in."""

    async def work() -> None:
        made = await create_room(where.url, id_token=where.id_token, name=name, ttl_s=ttl_s, max_peers=max_peers)
        link = room_link(where.url, made.room_id, made.token)
        out.event(
            "room_created",
            link if quiet else f"room   {made.room_id}\ntoken  {made.token}\nlink   {link}",
            room_id=made.room_id,
            token=made.token,
            expires_at=made.expires_at,
            link=link,
        )
        if where.id_token is None and not quiet:
            out.note("It belongs to nobody who could close it: `heliograph login` first, next time, makes it yours.")

    run(work, out=out, until_stopped=False)


@room.command("list", cls=Command)
@server_options
@output_options
def list_rooms(*, where: Where, out: Output) -> None:
    """List your rooms, newest first."""

    async def work() -> None:
        identity = where.identity
        rows = []
        async with Api(where.url) as api:
            async for found in api.rooms(id_token=identity):
                cells = _cells(found)
                if out.is_live:
                    rows.append(cells)
                else:
                    out.row("room", cells, **_fields(found))
        if rows:
            out.table(("room", "name", "peers", "created", "expires"), rows)
        elif out.is_live:
            out.note("You have no rooms here; `heliograph room create` makes one.")

    run(work, out=out, until_stopped=False)


@room.command(cls=Command)
@click.argument("room_id", metavar="[ROOM]", required=False)
@room_options
@output_options
def show(*, room_id: str | None, where: Where, out: Output) -> None:
    """Show a room and who is in it, to its creator and its peers."""

    async def work() -> None:
        wanted = _chosen(room_id, where)
        identity = where.identity
        async with Api(where.url) as api:
            details = await api.room(wanted, id_token=identity)
            peers = [peer async for peer in api.peers(wanted, id_token=identity)]
        link = None if details.token is None else room_link(where.url, details.room_id, details.token)
        out.event("room", _shown(details, peers, link), **_fields(details), link=link, peers=msgspec.to_builtins(peers))

    run(work, out=out, until_stopped=False)


@room.command(cls=Command)
@click.argument("room_id", metavar="[ROOM]", required=False)
@room_options
@output_options
def close(*, room_id: str | None, where: Where, out: Output) -> None:
    """Close a room of yours: everyone in it is put out."""

    async def work() -> None:
        wanted = _chosen(room_id, where)
        identity = where.identity
        async with Api(where.url) as api:
            await api.close_room(wanted, id_token=identity)
        out.event("room_closed", f"Closed room {wanted}.", room_id=wanted)

    run(work, out=out, until_stopped=False)


def room_link(url: str, room_id: str, token: str) -> str:
    """The address of the room's page. The token is in the fragment, which browsers send to no server."""
    return f"{url}/#{urlencode({'room': room_id, 'token': token})}"


async def made_room(where: Where) -> tuple[Room, str]:
    """A new room and its link, for a command that was given none."""
    made = await create_room(where.url, id_token=where.id_token)
    return made, room_link(where.url, made.room_id, made.token)


async def given_or_made_room(where: Where) -> tuple[str, str, str | None]:
    """The room and its token; of one that was made because none was given, its link too."""
    if where.room is not None:
        return *await where.admission(), None
    made, link = await made_room(where)
    return made.room_id, made.token, link


def _chosen(room_id: str | None, where: Where) -> str:
    wanted = room_id or where.room
    if not wanted:
        raise ConfigurationError("No room: give its id")
    return wanted


def _cells(found: RoomDetails) -> tuple[str, ...]:
    peers = f"{found.peer_count}/{found.max_peers}"
    return found.room_id, found.name or "", peers, ago(found.created_at), until(found.expires_at)


def _fields(found: RoomDetails) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(found).items() if name != "token"}


def _shown(found: RoomDetails, peers: list[Peer], link: str | None) -> str:
    lines = [
        f"room     {found.room_id}",
        *([f"name     {found.name}"] if found.name else []),
        f"created  {ago(found.created_at)}",
        f"expires  {until(found.expires_at)}",
        f"peers    {found.peer_count} of {found.max_peers}",
        *(f"         {peer.peer_id} ({peer.role}, {peer.state})" for peer in peers),
        *([f"link     {link}"] if link else []),
    ]
    return "\n".join(lines)

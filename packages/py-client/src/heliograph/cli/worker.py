"""`heliograph worker`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from heliograph.channels.channel import Channel
from heliograph.cli.output import Output
from heliograph.cli.room import made_room
from heliograph.cli.run import run
from heliograph.cli.where import Where, output_options, room_options
from heliograph.files.receive import receive_file
from heliograph.worker import MAX_CLIENTS, Worker
from heliograph_protocol.datachannel import CHAT_LABEL, FILE_LABEL

__all__ = ["worker"]


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What the worker command was asked for."""

    where: Where
    peer_id: str | None
    name: str | None
    into: Path | None
    max_clients: int


@click.command()
@room_options
@click.option("--peer-id", metavar="ID", help="This worker's id in the room.  [default: Worker-…]")
@click.option("--name", help="What it calls itself in its own output.  [default: the peer id]")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Save received files in this directory. Without it they are hashed and forgotten.",
)
@click.option("--max-clients", type=click.IntRange(min=1), default=MAX_CLIENTS, show_default=True)
@output_options
def worker(
    *, where: Where, peer_id: str | None, name: str | None, into: Path | None, max_clients: int, out: Output
) -> None:
    """Serve clients until interrupted: echo chat messages, answer files with their SHA-256.

    Without a room it creates one and prints the link to it.
    """
    options = WorkerOptions(where=where, peer_id=peer_id, name=name, into=into, max_clients=max_clients)
    run(lambda: _serve(options, out), out=out, until_stopped=True)


async def _serve(options: WorkerOptions, output: Output) -> None:
    """Serve until cancelled. The first line of output says that the worker is registered."""
    where, link = options.where, None
    if where.room is None:
        created, link = await made_room(where)
        room, token = created.room_id, created.token
    else:
        room, token = await where.admission()
    worker = Worker(
        where.url,
        room=room,
        token=token,
        id_token=where.id_token,
        peer_id=options.peer_id,
        ice_servers=where.ice_servers,
        max_clients=options.max_clients,
    )

    @worker.on_channel(CHAT_LABEL)
    async def echo(channel: Channel) -> None:
        output.event("connected", f"{channel.peer_id} connected", peer_id=channel.peer_id)
        async for message in channel:
            await channel.send(message)
        output.event("disconnected", f"{channel.peer_id} left", peer_id=channel.peer_id)

    @worker.on_channel(FILE_LABEL)
    async def take(channel: Channel) -> None:
        file = await receive_file(channel, into=options.into)
        output.event(
            "file_received",
            f"{channel.peer_id} sent {file.name}, {file.size:,} bytes, SHA-256 {file.sha256}",
            peer_id=channel.peer_id,
            name=file.name,
            size=file.size,
            sha256=file.sha256,
            path=str(file.path) if file.path else None,
        )

    async with worker:
        name = options.name or worker.peer_id
        words = f"ready {name} in room {worker.room_id} at {where.url}"
        output.event(
            "ready",
            words if link is None else f"{words}\nlink  {link}",
            peer_id=worker.peer_id,
            name=name,
            room_id=worker.room_id,
            url=where.url,
            link=link,
        )
        await worker.wait_closed()

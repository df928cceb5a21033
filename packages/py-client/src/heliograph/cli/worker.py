"""`heliograph worker`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from heliograph.api import create_room
from heliograph.channels.channel import Channel
from heliograph.channels.files import receive_file
from heliograph.cli.options import RoomOptions
from heliograph.cli.output import Output
from heliograph.cli.room import room_link
from heliograph.config import ServerAddress, settings
from heliograph.worker import Worker
from heliograph_protocol.datachannel import CHAT_LABEL, FILE_LABEL

__all__ = ["WorkerOptions", "serve"]


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What the worker command was asked for."""

    where: RoomOptions
    peer_id: str | None
    name: str | None
    into: Path | None
    max_clients: int


async def serve(options: WorkerOptions, *, as_json: bool) -> None:
    """Serve until cancelled. The first line of output says that the worker is registered."""
    output = Output(as_json=as_json)
    room, token, link = options.where.room, options.where.token, None
    address = ServerAddress.parse(options.where.url or settings().url)
    if not (room or address.room_id or settings().room):
        created = await create_room(options.where.url)
        room, token, link = created.room_id, created.token, room_link(options.where.url, created)
    worker = Worker(
        options.where.url,
        room=room,
        token=token,
        peer_id=options.peer_id,
        ice_servers=options.where.ice_servers,
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
        words = f"ready {name} in room {worker.room_id} at {address.http_url}"
        output.event(
            "ready",
            words if link is None else f"{words}\nlink  {link}",
            peer_id=worker.peer_id,
            name=name,
            room_id=worker.room_id,
            url=address.http_url,
            link=link,
        )
        await worker.wait_closed()

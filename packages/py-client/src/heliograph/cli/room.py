"""`heliograph room create`."""

from __future__ import annotations

from urllib.parse import urlencode

from heliograph.api import Room, create_room
from heliograph.cli.output import Output
from heliograph.config import ServerAddress, settings

__all__ = ["create", "room_link"]


def room_link(url: str | None, room: Room) -> str:
    """The address of the room's page. The token is in the fragment, which browsers send to no server."""
    base = ServerAddress.parse(url or settings().url).http_url
    return f"{base}/#{urlencode({'room': room.room_id, 'token': room.token})}"


async def create(url: str | None, *, as_json: bool) -> None:
    """Create a room and print it."""
    room = await create_room(url)
    link = room_link(url, room)
    Output(as_json=as_json).event(
        "room_created",
        f"room   {room.room_id}\ntoken  {room.token}\nlink   {link}",
        room_id=room.room_id,
        token=room.token,
        expires_at=room.expires_at,
        link=link,
    )

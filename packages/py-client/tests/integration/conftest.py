"""Fixtures of the tests that meet in a room of a real server."""

from typing import Any, NamedTuple

import pytest

import heliograph


@pytest.fixture
def where(server: Any, room: heliograph.Room) -> dict[str, Any]:
    """The arguments that lead into the room: `heliograph.connect(**where)`."""
    return {"url": server.url, "room": room.room_id, "token": room.token}


class Owner(NamedTuple):
    """Somebody who has a room, and what it takes to manage it."""

    api: heliograph.Api
    id_token: str
    room: heliograph.Room
    where: dict[str, Any]


@pytest.fixture
async def owner(server: Any) -> Any:
    """The creator of a room."""
    async with heliograph.Api(server.url) as api:
        id_token = (await api.sign_in()).id_token
        room = await api.create_room(id_token=id_token)
        yield Owner(api, id_token, room, {"url": server.url, "room": room.room_id, "token": room.token})

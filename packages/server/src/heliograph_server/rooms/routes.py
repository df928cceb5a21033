"""The controllers of rooms, for the application."""

from typing import Final

from litestar import Controller

from heliograph_server.rooms.controllers import RoomsController
from heliograph_server.rooms.peer_api import RoomPeerApi
from heliograph_server.rooms.room_api import RoomApi
from heliograph_server.rooms.token_api import RoomTokenApi

__all__ = ["ROOM_CONTROLLERS"]

ROOM_CONTROLLERS: Final[tuple[type[Controller], ...]] = (RoomsController, RoomApi, RoomTokenApi, RoomPeerApi)
"""They need `identity`, `rooms`, `hub`, `limiter` and `settings`."""

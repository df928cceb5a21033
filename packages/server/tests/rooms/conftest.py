"""Both room stores, and a house full of rooms."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heliograph_server.rooms.memory import MemoryRoomStore
from heliograph_server.rooms.sqlite import SqliteRoomStore
from heliograph_server.rooms.store import RoomStore
from heliograph_server.settings import Settings

from .house import House


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RoomStore]:
    made: RoomStore = MemoryRoomStore() if request.param == "memory" else SqliteRoomStore(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path, Settings(signin_limit=0))
    async with made.client:
        yield made

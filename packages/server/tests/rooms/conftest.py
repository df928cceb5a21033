"""Both room stores."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heliograph_server.rooms.memory import MemoryRoomStore
from heliograph_server.rooms.sqlite import SqliteRoomStore
from heliograph_server.rooms.store import RoomStore


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RoomStore]:
    made: RoomStore = MemoryRoomStore() if request.param == "memory" else SqliteRoomStore(tmp_path)
    yield made
    await made.close()

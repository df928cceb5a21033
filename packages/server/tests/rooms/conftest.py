"""All room stores, and a house full of rooms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from rooms_table import RoomsTable

from heliograph_server.rooms.dynamodb import DynamoRoomStore
from heliograph_server.rooms.memory import MemoryRoomStore
from heliograph_server.rooms.sqlite import SqliteRoomStore
from heliograph_server.rooms.store import RoomStore
from heliograph_server.settings import Settings

from .house import House
from .samples import DEFAULTS


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RoomStore]:
    async with made(request.param, request, tmp_path) as store:
        yield store


@pytest.fixture(params=["memory", "sqlite"])
async def swept_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RoomStore]:
    """One whose expired rooms are for the server to delete: a table of DynamoDB does that itself."""
    async with made(request.param, request, tmp_path) as store:
        yield store


@asynccontextmanager
async def made(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RoomStore]:
    """An empty store of that kind."""
    store: RoomStore
    match kind:
        case "dynamodb":
            request.getfixturevalue("aws")
            with closing(RoomsTable()) as table:
                await table.create()
                store = DynamoRoomStore(table.name, DEFAULTS)
        case "sqlite":
            store = SqliteRoomStore(tmp_path)
        case _:
            store = MemoryRoomStore()
    yield store
    await store.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path, Settings(signin_limit=0))
    async with made.client:
        yield made


@pytest.fixture
async def open_house(tmp_path: Path) -> AsyncIterator[House]:
    """One where anyone may delete anything, as in the original."""
    made = House(tmp_path, Settings(signin_limit=0, legacy_open_delete=True))
    async with made.client:
        yield made

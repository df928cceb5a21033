"""What the bus makes of a client library that does not do as it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from heliograph_server.cluster.bus_url import read_bus_url
from heliograph_server.cluster.connecting import Reader
from heliograph_server.cluster.redis_bus import RedisBus

from .test_registry import Nobody


async def test_it_ends_when_told_though_its_client_takes_that_for_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bus, connecting = RedisBus(read_bus_url("redis://127.0.0.1:1")), asyncio.Event()

    @contextlib.asynccontextmanager
    async def open_in_vain(_: str) -> AsyncIterator[Reader]:
        connecting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError from None
        yield  # type: ignore[misc]

    monkeypatch.setattr(bus._connections, "open", open_in_vain)
    running = asyncio.create_task(bus.run("node", Nobody()))
    await connecting.wait()
    running.cancel()  # once, as a task group does
    await asyncio.wait([running], timeout=5)
    assert running.cancelled()

"""What the bus makes of a client library that does not do as it is told."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis_server import running_redis

from heliograph_server.cluster.bus_url import read_bus_url
from heliograph_server.cluster.connecting import Reader
from heliograph_server.cluster.redis_bus import RedisBus

from .test_registry import Nobody, on_the_bus


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


async def test_everyone_has_an_answer_though_its_client_finishes_what_was_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bus, listener = RedisBus(read_bus_url("redis://127.0.0.1:1")), Nobody()
    asked, cut = asyncio.Event(), asyncio.Event()

    class CutOff:
        async def next(self) -> bytes:
            await cut.wait()
            raise ConnectionError

    @contextlib.asynccontextmanager
    async def open_once(_: str) -> AsyncIterator[Reader]:
        if cut.is_set():
            raise ConnectionError
        yield CutOff()

    async def remember(_: str) -> None:
        """There is nothing to be remembered."""

    async def execute(commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        if any(command[0] == "GET" for command in commands):
            asked.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        return [None for _ in commands]

    for name, replacement in (("open", open_once), ("remember", remember), ("execute", execute)):
        monkeypatch.setattr(bus._connections, name, replacement)
    running = asyncio.create_task(bus.run("node", listener))
    await listener.up.wait()
    asking = asyncio.ensure_future(bus.home("room"))
    await asked.wait()
    cut.set()
    await asyncio.wait([asking], timeout=5)
    assert asking.done()
    running.cancel()
    await asyncio.wait([running], timeout=5)
    assert running.cancelled()


async def test_its_client_writes_nothing_of_what_nodes_say_into_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """That would be offers and answers; and to write them out for the log takes time even where nobody wants it."""
    with caplog.at_level(logging.DEBUG, "push_response"):
        async with running_redis(tmp_path) as server, on_the_bus(server.url, "node") as (bus, listener):
            bus.publish("node", b"a secret of somebody")
            async with asyncio.timeout(20):
                assert await listener.batches.get() == b"a secret of somebody"
    assert "a secret" not in caplog.text

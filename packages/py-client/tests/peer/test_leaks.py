"""What connections leave behind: nothing. The long form, which weighs processes, is `nox -s bench_connections`."""

import asyncio
import gc
from collections import Counter
from pathlib import Path
from typing import Any

import aioice
import pytest
from aiortc import RTCPeerConnection
from OpenSSL import SSL

from heliograph.channels.channel import Channel
from heliograph.peer.connection import Connection
from heliograph.testing import MemoryRoom

from .peers import dial, peer

pytestmark = pytest.mark.usefixtures("nothing_is_left_running")

CYCLES = 12
LIMIT_S = 15
KINDS = (Connection, Channel, RTCPeerConnection, aioice.Connection)


def alive(*kinds: type) -> Counter[str]:
    return Counter(type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, kinds))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(holds: Any) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not holds():  # noqa: ASYNC110 - the garbage collector tells nobody
            await asyncio.sleep(0.05)


async def test_connections_in_sequence_leave_nothing() -> None:
    room = MemoryRoom()
    async with peer(room, "Worker-1") as worker, peer(room, "Client-1") as client:
        gc.collect()
        before, sessions, files, tasks = alive(*KINDS), alive(SSL.Connection), open_files(), len(asyncio.all_tasks())
        gc.disable()
        try:
            for number in range(CYCLES):
                async with await dial(client, "Worker-1") as connection:
                    await connection.channel("chat").send(f"{number}")
                    assert await connection.channel("chat").receive() == f"{number}"
            # What OpenSSL holds, which is most of it, does not wait for a collection that knows nothing of its size.
            await until(lambda: worker.connections == () and alive(SSL.Connection) <= sessions)
        finally:
            gc.enable()
        del connection

        def left() -> list[object]:
            """What there is more of than before; what tests before this one had left may go meanwhile."""
            gc.collect()
            now = alive(*KINDS)
            more: list[object] = [f"{name}: {now[name] - before[name]}" for name in now if now[name] > before[name]]
            more += [f"files: {open_files() - files}"] if open_files() > files else []
            more += [str(task) for task in asyncio.all_tasks()] if len(asyncio.all_tasks()) > tasks else []
            return more

        try:
            await until(lambda: not left())  # some timers of a second have to pass first
        except TimeoutError:
            assert left() == []
        assert client.connections == ()

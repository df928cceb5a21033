"""50 MB each way over one connection, with the same hash at both ends."""

import asyncio
import hashlib
import random
from pathlib import Path

import pytest
from demo_page import OpenPage

import heliograph

SIZE = 50_000_000
TIMEOUT_S = 180


@pytest.mark.timeout(TIMEOUT_S)
async def test_fifty_megabytes_each_way(link: str, open_page: OpenPage, tmp_path: Path) -> None:
    there, there_hash = large_file(tmp_path / "there.bin", seed=1)
    back, back_hash = large_file(tmp_path / "back.bin", seed=2)
    async with (
        heliograph.connect(link, peer_id="Client-1489") as session,
        asyncio.TaskGroup() as tasks,
    ):
        accepting = tasks.create_task(session.accept())
        page = await open_page(f"{link}&connect=Client-1489")
        connection = await accepting
        await page.is_connected()

        receiving = tasks.create_task(receive(connection, tmp_path / "received"))
        await page.send_file(there)
        received = await receiving
        assert (received.size, received.sha256) == (SIZE, there_hash)
        await page.has_sent(there_hash)

        sent = await heliograph.send_file(connection, back)
        assert (sent.size, sent.sha256) == (SIZE, back_hash)
        await page.has_received(back_hash)


def large_file(path: Path, *, seed: int) -> tuple[Path, str]:
    content = random.Random(seed).randbytes(SIZE)
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


async def receive(connection: heliograph.Connection, folder: Path) -> heliograph.ReceivedFile:
    while (channel := await connection.accept_channel()).label != "file":
        pass
    return await heliograph.receive_file(channel, into=folder)

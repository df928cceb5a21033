"""Files over real connections whose path is lost in between, and made anew."""

import asyncio
import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

import heliograph
from heliograph.testing import connected, cut_path, pair

from .pair import names_in

LIMIT_S = 60
SIZE = 6_000_000


CONTENT = random.Random(1).randbytes(SIZE)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("direction", ["to the worker", "to the client"])
async def test_a_file_goes_on_over_the_next_path_by_itself(tmp_path: Path, source: Path, direction: str) -> None:
    async with pair() as (client, worker):
        sender, receiver = (client, worker) if direction == "to the worker" else (worker, client)
        verified: asyncio.Queue[int] = asyncio.Queue()
        async with (
            asyncio.timeout(LIMIT_S),
            heliograph.receive_files(receiver, into=tmp_path / "inbox") as files,
        ):
            put: Callable[[int, int], None] = lambda done, _size: verified.put_nowait(done)  # noqa: E731
            sending = asyncio.create_task(heliograph.send_file(sender, source, progress=put))
            while await verified.get() < SIZE // 3:
                pass
            cut_path(sender)
            await sender.wait_connected()
            sent = await sending
            received = await anext(aiter(files))
    assert sent.resumed_at == received.resumed_at >= SIZE // 3
    assert sent.sha256 == received.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert names_in(tmp_path / "inbox") == ["a.bin"]


async def test_a_worker_that_takes_files_and_does_not_chat_can_be_connected_to(tmp_path: Path, source: Path) -> None:
    worker = heliograph.Worker("http://127.0.0.1:1", room="abc12345", token="t", peer_id="Worker-1")
    async with heliograph.receive_files(worker, into=tmp_path / "inbox") as files, asyncio.timeout(LIMIT_S):
        async with connected(worker) as connection:
            sent = await connection.send_file(source)
        assert (await anext(aiter(files))).sha256 == sent.sha256
    assert names_in(tmp_path / "inbox") == ["a.bin"]

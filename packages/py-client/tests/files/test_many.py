"""Several files at once, and directories."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import heliograph

from .pair import Pair


@pytest.fixture
async def pair() -> Pair:
    return Pair()


def tree(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def make_tree(top: Path) -> None:
    for name, content in {"a.txt": b"a", "b/c.txt": b"c" * 3_000_000, "b/d/e.txt": b"", ".hidden": b"h"}.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (top / "link").symlink_to(top / "a.txt")
    (top / "elsewhere").symlink_to("/")
    (top / "empty").mkdir()


async def test_a_directory_arrives_with_its_folders(pair: Pair, tmp_path: Path) -> None:
    make_tree(tmp_path / "photos")
    steps: list[tuple[int, int]] = []
    async with heliograph.receive_files(pair, into=tmp_path / "inbox") as files:
        sent = await heliograph.send_directory(pair, tmp_path / "photos", progress=lambda *step: steps.append(step))
        pair.end()
        arrived = [file async for file in files]
    assert tree(tmp_path / "inbox") == {
        "photos/a.txt": b"a",
        "photos/b/c.txt": b"c" * 3_000_000,
        "photos/b/d/e.txt": b"",
        "photos/hidden": b"h",
    }
    assert {file.sha256 for file in sent} == {file.sha256 for file in arrived}
    assert {(*file.folder, file.name) for file in arrived} == {
        ("photos", "a.txt"),
        ("photos", "b", "c.txt"),
        ("photos", "b", "d", "e.txt"),
        ("photos", "hidden"),
    }
    assert steps == sorted(steps)
    assert steps[-1] == (3_000_002, 3_000_002)


async def test_the_first_file_that_fails_ends_the_directory(pair: Pair, tmp_path: Path) -> None:
    make_tree(tmp_path / "photos")
    async with heliograph.receive_files(pair, into=tmp_path / "inbox", accept=lambda offer: offer.name != "c.txt"):
        with pytest.raises(heliograph.TransferRefused):
            await heliograph.send_directory(pair, tmp_path / "photos")


async def test_many_at_once_arrive_also_over_cuts(pair: Pair, tmp_path: Path) -> None:
    contents = {f"{number}.bin": bytes([number]) * 3_500_000 for number in range(6)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    pair.cut_after = 5_000_000

    def cut_again(*_: Any) -> None:
        if pair.content_bytes % 5 == 0:
            pair.cut_after = pair.content_bytes + 1

    async with heliograph.receive_files(pair, into=tmp_path / "inbox", progress=cut_again) as files:
        await asyncio.gather(*(heliograph.send_file(pair, tmp_path / name) for name in contents))
        pair.end()
        arrived = [file async for file in files]
    assert {file.name for file in arrived} == set(contents)
    assert tree(tmp_path / "inbox") == contents


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
async def test_a_name_that_is_no_utf_8_is_sent_as_another_one(pair: Pair, tmp_path: Path) -> None:
    top = tmp_path / os.fsdecode(b"photos\xff")
    top.mkdir()
    for name, content in ((b"b\xfcrde.txt", b"b"), (b"a.txt", b"a")):
        (top / os.fsdecode(name)).write_bytes(content)
    async with heliograph.receive_files(pair, into=tmp_path / "inbox"):
        sent = await heliograph.send_directory(pair, top)
    assert [(*file.folder, file.name) for file in sent] == [
        ("photos\ufffd", "a.txt"),
        ("photos\ufffd", "b\ufffdrde.txt"),
    ]
    assert tree(tmp_path / "inbox") == {"photos\ufffd/a.txt": b"a", "photos\ufffd/b\ufffdrde.txt": b"b"}


async def test_the_progress_of_many_files_is_their_sum(pair: Pair, tmp_path: Path) -> None:
    for number in range(300):
        path = tmp_path / "many" / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * number)
    steps: list[tuple[int, int]] = []
    async with heliograph.receive_files(pair, into=tmp_path / "inbox"):
        await heliograph.send_directory(pair, tmp_path / "many", progress=lambda *step: steps.append(step))
    total = sum(range(300))
    assert steps[-1] == (total, total)
    assert steps == sorted(steps)


async def test_the_same_file_twice_at_once_arrives(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"a" * 5_000_000)
    async with heliograph.receive_files(pair, into=tmp_path / "inbox"):
        await asyncio.gather(*(heliograph.send_file(pair, tmp_path / "a.bin") for _ in range(3)))
    arrived = tree(tmp_path / "inbox")
    assert "a.bin" in arrived
    assert set(arrived.values()) == {b"a" * 5_000_000}


async def test_leaving_the_block_ends_what_is_under_way(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"a" * 30_000_000)
    begun = asyncio.Event()
    async with heliograph.receive_files(pair, into=tmp_path / "inbox", progress=lambda *_: begun.set()):
        sending = asyncio.create_task(heliograph.send_file(pair, tmp_path / "a.bin"))
        await begun.wait()
    with pytest.raises(heliograph.TransferCancelled):
        await sending
    assert not (tmp_path / "inbox" / "a.bin").exists()

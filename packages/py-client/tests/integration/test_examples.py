"""The example programs do what they say."""

import asyncio
import hashlib
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coturn import running_coturn

import heliograph

EXAMPLES = Path(__file__).parents[4] / "examples"
Program = Callable[..., Any]


async def test_asking_the_echo_worker(program: Program, server: Any, room: heliograph.Room, in_room: Any) -> None:
    link = link_to(server, room)
    where: Any = {"room": room.room_id, "token": room.token}
    async with (
        program(str(EXAMPLES / "echo_worker.py"), link) as worker,
        heliograph.connect(server.url, **where) as session,
        asyncio.timeout(60),
    ):
        await in_room("Worker-1", session.peers)
        async with program(str(EXAMPLES / "ask_worker.py"), link, "hello") as asking:
            out, err = await asking.communicate()
        assert (asking.returncode, out, err) == (0, b"hello\n", b"")
        worker.send_signal(signal.SIGINT)
        await worker.wait()


async def test_a_pool_of_workers(program: Program, server: Any, room: heliograph.Room) -> None:
    link = link_to(server, room)
    pool, use = str(EXAMPLES / "worker_pool.py"), str(EXAMPLES / "use_pool.py")
    async with (
        program(pool, link, "gpu_memory_mb=4096"),
        program(pool, link, "gpu_memory_mb=16384"),
        heliograph.connect(link) as session,
        asyncio.timeout(60),
    ):
        events = session.events()
        while len(session.roster) < 2:
            await anext(events)
        [big] = [peer for peer in session.roster.values() if peer.metadata.properties["gpu_memory_mb"] == 16384]
        async with program(use, link, "8192", "train a model") as using:
            out, err = await using.communicate()
        assert err == b""
        assert out.decode() == f"2 in the pool\n{big.peer_id} has done 'train a model'\n"


async def test_sending_a_file(program: Program, server: Any, room: heliograph.Room, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"a picture" * 1000)
    link = link_to(server, room)
    worker = heliograph.Worker(link, peer_id="Worker-1")

    @worker.on_channel("file")
    async def take(channel: heliograph.Channel) -> None:
        await heliograph.receive_file(channel, into=tmp_path / "inbox")

    async with worker, asyncio.timeout(60):
        arguments = (link, "Worker-1", str(tmp_path / "photo.jpg"))
        async with program(str(EXAMPLES / "send_file.py"), *arguments) as sending:
            out, err = await sending.communicate()
    digest = hashlib.sha256(b"a picture" * 1000).hexdigest()
    assert err == b""
    assert out.decode() == f"Worker-1 has photo.jpg: 9000 bytes, SHA-256 {digest}\n"
    assert (tmp_path / "inbox" / "photo.jpg").exists()


async def test_remote_calls(program: Program, server: Any, room: heliograph.Room, in_room: Any) -> None:
    out = await _with_worker(program, link_to(server, room), in_room, "rpc.py", "1", "2", "4.5")
    assert out == "Summary(count=3, mean=2.5)\nNO_NUMBERS: There is no mean of no numbers\n"


async def test_streaming_results(program: Program, server: Any, room: heliograph.Room, in_room: Any) -> None:
    out = await _with_worker(program, link_to(server, room), in_room, "streaming_results.py", "1000000")
    assert out == "step 1: loss 1.00\nstep 2: loss 0.50\nstep 3: loss 0.33\nstep 4: loss 0.25\n"


async def test_values_on_a_channel(program: Program, server: Any, room: heliograph.Room, in_room: Any) -> None:
    out = await _with_worker(program, link_to(server, room), in_room, "typed_channel.py", "one", "three")
    assert out == "Word(text='one', letters=3)\nWord(text='three', letters=5)\n"


async def test_a_file_that_is_resumed(
    program: Program, server: Any, room: heliograph.Room, in_room: Any, tmp_path: Path
) -> None:
    """The sender is killed when a part has arrived; another one sends the rest."""
    link, inbox, large = link_to(server, room), tmp_path / "inbox", tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(40_000_000)
    async with (
        program(str(EXAMPLES / "receive_files.py"), link, str(inbox)) as receiving,
        heliograph.connect(link) as session,
        asyncio.timeout(100),
    ):
        await in_room("Worker-1", session.peers)
        sending = (str(EXAMPLES / "send_file.py"), link, "Worker-1", str(large))
        async with program(*sending) as first:
            while _part_bytes(inbox) < 4_000_000:  # noqa: ASYNC110 - a file of another process
                await asyncio.sleep(0.01)
            first.kill()
        async with program(*sending) as second:
            out, err = await second.communicate()
        assert (second.returncode, err) == (0, b"")
        assert out.startswith(b"Worker-1 has large.bin: 40000000 bytes")
        told = (await receiving.stdout.readline()).decode()
    resumed = re.fullmatch(r".*/inbox/large.bin: 40000000 bytes from Client-\w+, resumed at (\d+)\n", told)
    assert resumed is not None
    assert int(resumed[1]) > 1_000_000


async def test_several_peers_hear_the_news(program: Program, server: Any, room: heliograph.Room) -> None:
    link, news = link_to(server, room), str(EXAMPLES / "news.py")
    async with program(news, link, "Ann") as ann, program(news, link, "Bob") as bob, asyncio.timeout(60):
        heard = {process: await _lines_until(process, "listens") for process in (ann, bob)}
        async with program(news, link, "Cay", "the model is trained") as telling:
            assert await telling.wait() == 0
        for process in (ann, bob):
            heard[process] += await _lines_until(process, "Cay has left")
            assert heard[process][-3:] == ["Cay has come", "Cay: the model is trained", "Cay has left"]


async def test_through_a_relay_alone(
    program: Program, server_with: Any, in_room: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = "north"
    with running_coturn(tmp_path_factory.mktemp("coturn"), secret) as coturn:
        turn = {"HELIOGRAPH_TURN_URLS": coturn.turn_urls[0], "HELIOGRAPH_TURN_SECRET": secret}
        async with server_with(**turn) as server:
            link = link_to(server, await heliograph.create_room(server.url))
            out = await _with_worker(program, link, in_room, "relay_only.py", "hello")
    assert out == "candidates here: ['relay'], there: ['relay']\nhello\n"


def test_every_example_is_run_here_and_described() -> None:
    names = {path.name for path in EXAMPLES.glob("*.py")}
    assert {name for name in names if f'"{name}"' not in Path(__file__).read_text("utf-8")} == set()
    assert set(re.findall(r"\(([a-z_]+\.py)\)", (EXAMPLES / "README.md").read_text("utf-8"))) == names


def _part_bytes(inbox: Path) -> int:
    return sum(path.stat().st_size for path in inbox.glob(".heliograph-*.part"))


async def _lines_until(process: Any, end: str) -> list[str]:
    lines: list[str] = []
    while not lines or not lines[-1].endswith(end):
        lines.append((await process.stdout.readline()).decode().removesuffix("\n"))
    return lines


def link_to(server: Any, room: heliograph.Room) -> str:
    return f"{server.url}/#room={room.room_id}&token={room.token}"


async def _with_worker(program: Program, link: str, in_room: Any, name: str, *arguments: str) -> str:
    """What an example prints as a caller, while the same example runs as the worker."""
    path = str(EXAMPLES / name)
    async with program(path, link), heliograph.connect(link) as session, asyncio.timeout(60):
        await in_room("Worker-1", session.peers)
        async with program(path, link, *arguments) as calling:
            out, err = await calling.communicate()
    assert (calling.returncode, err) == (0, b"")
    return str(out.decode())

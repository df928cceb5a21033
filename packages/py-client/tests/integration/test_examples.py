"""The example programs do what they say."""

import asyncio
import hashlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

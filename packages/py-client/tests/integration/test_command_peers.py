"""`heliograph peers` against a real server."""

import asyncio
import json
import signal
from typing import Any

import pytest

import heliograph

from .commands import Program, output, until_event
from .terminal import terminal


@pytest.fixture
def link(server: Any, room: heliograph.Room) -> str:
    return f"{server.url}/#room={room.room_id}&token={room.token}"


async def test_those_who_are_there_and_are_asked_for(program: Program, link: str) -> None:
    gpu = {"gpu_memory_mb": 16384, "status": "idle"}
    async with (
        heliograph.Worker(link, peer_id="Worker-1", tags=["gpu", "a\tb"], properties=gpu),
        heliograph.Worker(link, peer_id="Worker-2"),
    ):
        _, out, err = await output(program, "peers", "--url", link)
        assert err == ""
        rows = [line.split("\t") for line in out.splitlines()]
        assert rows[0][:5] == ["Worker-1", "worker", "online", "gpu, a\\tb", "gpu_memory_mb=16384, status=idle"]
        assert [row[0] for row in rows] == ["Worker-1", "Worker-2"]
        wanted = ("--role", "worker", "--tag", "gpu", "--where", "gpu_memory_mb>=8192", "--where", "status=idle")
        _, out, _ = await output(program, "peers", "--json", *wanted, "--url", link)
        assert [json.loads(line)["peer"]["peer_id"] for line in out.splitlines()] == ["Worker-1"]


async def test_what_happens_as_events(program: Program, link: str) -> None:
    async with (
        heliograph.connect(link) as session,
        program("-m", "heliograph", "peers", "--watch", "--json", "--url", link) as watching,
    ):
        assert (await until_event(watching, "peer"))["peer"]["peer_id"] == session.peer_id
        async with heliograph.Worker(link, peer_id="Worker-1") as worker:
            assert (await until_event(watching, "peer_joined"))["peer"]["peer_id"] == "Worker-1"
            await worker.update(status="busy")
            changed = await until_event(watching, "peer_changed")
            assert changed["peer"]["metadata"]["properties"] == {"status": "busy"}
        assert (await until_event(watching, "peer_left"))["peer"]["peer_id"] == "Worker-1"
        events = session.events()
        watching.send_signal(signal.SIGINT)
        assert await watching.wait() == 130
        assert await watching.stderr.read() == b""
        async with asyncio.timeout(5):  # it has said good-bye: nobody waits for it to time out
            async for event in events:
                if isinstance(event, heliograph.PeerLeft) and event.peer.role == "observer":
                    assert event.reason == "left"
                    break


async def test_a_table_that_lives_in_a_terminal(program: Program, link: str) -> None:
    async with terminal(program, "peers", "--url", link) as (process, screen):
        await screen.shows("0 in room")
        async with heliograph.Worker(link, peer_id="Worker-1", tags=["gpu"]):
            await screen.shows("Worker-1  worker  online  gpu")
            await screen.shows("1 in room")
        await screen.shows("0 in room")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            assert await process.wait() == 130
        assert "Traceback" not in screen.text

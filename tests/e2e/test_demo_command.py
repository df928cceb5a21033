"""One command: a server, a worker, a link. Ctrl-C, and nothing of it is left."""

import asyncio
import contextlib
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from demo_page import OpenPage

LINK = re.compile(r"http://127\.0\.0\.1:(\d+)/#room=(\w+)&token=\S+&connect=[\w-]+")
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10


class Demo:
    """The command, as somebody at a terminal has it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def link(self) -> re.Match[str]:
        """Read on until the link is printed."""
        assert self.process.stdout is not None
        async with asyncio.timeout(START_TIMEOUT_S):
            while not (found := LINK.search(self.said)):
                line = await self.process.stdout.readline()
                assert line, f"It ended without a link:\n{self.said}"
                self.said += line.decode()
        return found

    async def interrupt(self) -> int:
        """Press Ctrl-C, which every process of the terminal's foreground group gets; returns the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        async with asyncio.timeout(STOP_TIMEOUT_S):
            rest, _ = await self.process.communicate()
        self.said += rest.decode()
        return await self.process.wait()


@contextlib.asynccontextmanager
async def running_demo(*options: str) -> AsyncIterator[Demo]:
    """The command, in a process group of its own."""
    command = [sys.executable, "-m", "heliograph_server", "demo", *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT, start_new_session=True)
    try:
        yield Demo(process)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


def processes_with(word: str) -> list[str]:
    """The command lines of running processes that contain a word."""
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True)
    return [line for line in listing.stdout.splitlines() if word in line]


async def test_the_demo_from_its_link_to_its_end(tmp_path: Path, taken_port: int, open_page: OpenPage) -> None:
    content = b"what the worker hashes"
    source = tmp_path / "notes.txt"
    source.write_bytes(content)
    ports = ["--http-port", str(taken_port), "--ws-port", "0"]
    async with running_demo(*ports, "--data-dir", str(tmp_path / "data")) as demo:
        link = await demo.link()
        assert int(link[1]) != taken_port
        assert re.search(rf"\b{taken_port}\b.*\b{link[1]}\b", demo.said)
        assert processes_with(link[2]) != []

        page = await open_page(link[0])
        page.forgive("ERR_CONNECTION_REFUSED")  # after the end
        await page.is_connected()
        await page.chat("is anybody there?")
        await page.hears("is anybody there?")
        await page.send_file(source)
        await page.has_sent(hashlib.sha256(content).hexdigest())

        assert await demo.interrupt() == 0
    assert "Traceback" not in demo.said
    assert processes_with(link[2]) == []
    assert processes_with(str(tmp_path)) == []

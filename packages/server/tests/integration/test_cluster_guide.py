"""What docs/cluster.md prints, run as it is printed: only the ports are other ones, and the directory is the test's."""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import balancer
import httpx
import pytest
import websockets
from balancer import until_ready
from debian import installed
from websockets.asyncio.client import ClientConnection

from .running import hear
from .test_level2_wire import proof, welcome

GUIDE = Path(__file__).parents[4] / "docs" / "cluster.md"
NODES = 3
PORTS = (20_000, 32_000)
START_S = 180.0
"""Five programs start, three of them servers, on a machine that may be busy."""

STOP_S = 60
RESTARTING = 1012
LIMIT = 60


class Guide:
    """Its blocks of code, with free ports for those that it names."""

    def __init__(self) -> None:
        text = GUIDE.read_text("utf-8").partition("## On several machines")[0]
        self._ports = {port: str(_port()) for port in sorted(set(re.findall(r"\b(?:6379|[89]\d{3})\b", text)))}
        blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        blocks = [(kind, re.sub(r"\b\d{4}\b", self._other_port, block)) for kind, block in blocks]
        (self.bus,), exports, commands = (block.splitlines() for kind, block in blocks if kind == "sh")
        self.environment = dict(line.removeprefix("export ").split("=", 1) for line in exports)
        self.check, *self.nodes = commands
        [self.haproxy] = [block for kind, block in blocks if kind == "haproxy"]

    def port(self, printed: int) -> int:
        return int(self._ports[str(printed)])

    def _other_port(self, found: re.Match[str]) -> str:
        return self._ports.get(found[0], found[0])


def _port() -> int:
    """A free port that nobody gets who asks the system for any: some time passes until it is used."""
    while True:
        port = random.randrange(*PORTS)
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port


@asynccontextmanager
async def process(command: str, folder: Path, environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """What a shell runs, until the block ends."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    log = (folder / "log").open("ab")
    try:
        started = await asyncio.create_subprocess_exec(
            *("bash", "-c", f"exec {command}"),
            cwd=folder,
            env={**os.environ, **environment, "PATH": path},
            stdout=log,
            stderr=log,
        )
        try:
            yield started
        finally:
            if started.returncode is None:
                started.kill()
            await started.wait()
    finally:
        log.close()


@pytest.fixture
async def guide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Guide, list[asyncio.subprocess.Process]]]:
    """All that it starts, running."""
    monkeypatch.setattr(balancer, "READY_S", START_S)
    guide = Guide()
    assert guide.check == "heliograph-server check-config"
    assert len(guide.nodes) == NODES
    installed("redis-server", "redis-server")
    installed("haproxy", "haproxy")
    (tmp_path / "haproxy.cfg").write_text(guide.haproxy)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(process(guide.bus, tmp_path, {}))
        checked = await stack.enter_async_context(process(guide.check, tmp_path, guide.environment))
        assert await checked.wait() == 0, (tmp_path / "log").read_text()
        nodes = [
            await stack.enter_async_context(process(command, tmp_path, guide.environment)) for command in guide.nodes
        ]
        await until_ready(*(f"http://127.0.0.1:{guide.port(9000 + number)}" for number in range(1, NODES + 1)))
        await stack.enter_async_context(process("haproxy -db -f haproxy.cfg", tmp_path, {}))
        await until_ready(*(f"http://127.0.0.1:{guide.port(port)}" for port in (8001, 8080)))
        yield guide, nodes


class Seat:
    """A peer of level 2 behind the balancer, and what it has heard."""

    def __init__(self, url: str, name: str, room: dict[str, str]) -> None:
        self._url = url
        self._fields = room | {"type": "register", "peer_id": name}
        self._heard = 0
        self._before: dict[str, Any] = {}
        self.socket: ClientConnection

    async def enter(self, stack: AsyncExitStack) -> None:
        self.socket = await stack.enter_async_context(websockets.connect(self._url))
        self._before = await welcome(self.socket, self._fields)

    async def offer(self, to: "Seat") -> None:
        """Signal to another one, which hears it."""
        text = f"{self._fields['peer_id']} to {to._fields['peer_id']}"
        await self.socket.send(json.dumps({"type": "offer", "target": to._fields["peer_id"], "sdp": text}))
        while (message := await to._hear())["type"] != "offer":
            continue
        assert message["sdp"] == text

    async def stay(self, stack: AsyncExitStack) -> bool:
        """Read until the connection is closed, and come back; False if it is not closed."""
        with contextlib.suppress(websockets.ConnectionClosed):  # and what came before that can be read
            await self.socket.send('{"type":"ping"}')
        try:
            while (await self._hear())["type"] != "pong":
                continue
        except websockets.ConnectionClosed:
            assert self.socket.close_code == RESTARTING
        else:
            return False
        self.socket = await stack.enter_async_context(websockets.connect(self._url))
        after = await welcome(self.socket, self._fields | proof(self._before, self._heard))
        assert after["session"]["resumed"]
        self._before = after
        return True

    async def _hear(self) -> dict[str, Any]:
        message = await hear(self.socket)
        self._heard += 1
        return message


@pytest.mark.timeout(START_S + 120)
async def test_peers_meet_behind_the_balancer_and_stay_while_a_node_is_replaced(
    guide: tuple[Guide, list[asyncio.subprocess.Process]],
) -> None:
    printed, nodes = guide
    async with (
        AsyncExitStack() as stack,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{printed.port(8001)}") as http,
    ):
        id_token = (await http.post("/anonymous-signin")).json()["id_token"]
        made = (await http.post("/create-room", headers={"Authorization": f"Bearer {id_token}"})).json()
        room = {"room_id": made["room_id"], "token": made["token"], "id_token": id_token}
        seats = [Seat(f"ws://127.0.0.1:{printed.port(8080)}", name, room) for name in ("a", "b", "c", "d")]
        for seat in seats:
            await seat.enter(stack)
        for sender in seats:
            for target in seats:
                if sender is not target:
                    await sender.offer(target)
        nodes[0].send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S):
            await nodes[0].wait()
        assert any([await seat.stay(stack) for seat in seats])
        for sender, target in pairwise(seats):
            await sender.offer(target)
        limited = [(await http.post("/anonymous-signin")).status_code for _ in range(LIMIT + 20)]
        assert set(limited) == {200, 429}  # once for the client, at the two nodes that are left
        assert limited.count(200) < LIMIT + 20

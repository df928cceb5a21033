"""A real server on free ports in this process, and peers that speak to it with nothing but a WebSocket library."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import websockets
from msgspec.structs import replace
from server_process import nodes_of_tests
from websockets.asyncio.client import ClientConnection

from heliograph_server.app import Application
from heliograph_server.serve import Listeners, serve
from heliograph_server.settings import Settings

REPLY_TIMEOUT_S: Final = 10.0


class RunningServer:
    """The server under test, its parts within reach."""

    def __init__(self, application: Application, http_port: int, ws_port: int) -> None:
        self.application = application
        self.http_port = http_port
        secure = "" if application.settings.tls_cert is None else "s"
        self.http_url = f"http{secure}://127.0.0.1:{http_port}"
        self.other_http_url = f"http{secure}://127.0.0.1:{ws_port}"
        self.ws_url = f"ws{secure}://127.0.0.1:{ws_port}"
        self.other_ws_url = f"ws{secure}://127.0.0.1:{http_port}"

    async def sign_in(self) -> str:
        """An id token of a new user."""
        return (await self.application.identity.sign_in()).id_token

    async def room(self, id_token: str | None = None) -> tuple[str, str]:
        """A new room's id and token."""
        owner = await self.application.identity.verify(id_token or await self.sign_in())
        room = await self.application.rooms.create(owner)
        return room.room_id, room.token

    def registration(self, peer_id: str, room: tuple[str, str], id_token: str, **fields: Any) -> dict[str, Any]:
        room_id, token = room
        return {
            "type": "register",
            "peer_id": peer_id,
            "room_id": room_id,
            "token": token,
            "id_token": id_token,
        } | fields

    @asynccontextmanager
    async def peer(
        self, peer_id: str, room: tuple[str, str], id_token: str | None = None, **fields: Any
    ) -> AsyncIterator[ClientConnection]:
        """A registered WebSocket; `protocol=2` among the fields makes it one of level 2."""
        async with websockets.connect(self.ws_url) as socket:
            reply = await ask(socket, self.registration(peer_id, room, id_token or await self.sign_in(), **fields))
            assert reply["type"] == "registered_auth", reply
            yield socket


@asynccontextmanager
async def running(data_dir: Path, **settings: Any) -> AsyncIterator[RunningServer]:
    """Serve until the block ends: with as many nodes as the tests are to have, or alone.

    Tests that are about a cluster themselves get what they ask for.
    """
    if nodes_of_tests() > 1 and "cluster_url" not in settings:
        from .several import running_several

        async with running_several(nodes_of_tests(), data_dir, **settings) as server:
            yield server
    else:
        async with running_alone(data_dir, **settings) as server:
            yield server


@asynccontextmanager
async def running_alone(data_dir: Path, **settings: Any) -> AsyncIterator[RunningServer]:
    """One process' server, which may be a node of a cluster."""
    chosen = replace(Settings(http_port=0, ws_port=0, data_dir=data_dir, drain_delay_s=0), **settings)
    listeners = Listeners.bind(chosen)
    application = Application(chosen)
    up, over = asyncio.Event(), asyncio.Event()

    async def until_over() -> None:
        up.set()
        await over.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(application, listeners, while_up=until_over))
        try:
            await up.wait()
            yield RunningServer(application, listeners.http_port, listeners.ws_port)
        finally:
            over.set()


async def hear(socket: ClientConnection) -> dict[str, Any]:
    """The next message."""
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), REPLY_TIMEOUT_S))
    return message


async def ask(socket: ClientConnection, message: dict[str, Any]) -> dict[str, Any]:
    """Send a message and return the next one that comes."""
    await socket.send(json.dumps(message))
    return await hear(socket)


async def closed_with(socket: ClientConnection) -> int | None:
    """Wait for the server to close, reading what comes before; the close code."""
    async with asyncio.timeout(REPLY_TIMEOUT_S):
        while True:
            try:
                await socket.recv()
            except websockets.ConnectionClosed:
                return socket.close_code

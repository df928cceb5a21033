"""A WebSocket whose other end reads nothing any more."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection, serve

from heliograph.config import ServerAddress
from heliograph.errors import SignalingLost
from heliograph.signaling import socket as signaling_socket
from heliograph.signaling.socket import CLOSE_TIMEOUT_S, SignalingSocket

FRAME = b"x" * 60_000


@pytest.fixture
async def stuck() -> AsyncIterator[SignalingSocket]:
    over = asyncio.Event()

    async def read_nothing(connection: ServerConnection) -> None:
        await over.wait()
        connection.transport.abort()

    async with serve(read_nothing, "127.0.0.1", 0, max_queue=1) as server:
        port = server.sockets[0].getsockname()[1]
        yield await SignalingSocket.open(ServerAddress.parse(f"http://127.0.0.1:{port}"))
        over.set()


async def send_until_stuck(socket: SignalingSocket) -> None:
    while True:
        await socket.send(FRAME)


async def test_it_is_given_up(stuck: SignalingSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signaling_socket, "SEND_TIMEOUT_S", 0.3)
    async with asyncio.timeout(20):
        with pytest.raises(SignalingLost, match="took nothing in"):
            await send_until_stuck(stuck)
    await stuck.close()


async def test_closing_does_not_wait_for_what_is_stuck(stuck: SignalingSocket) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await send_until_stuck(stuck)
    started = time.monotonic()
    async with asyncio.timeout(20):
        await stuck.close()
    assert time.monotonic() - started < CLOSE_TIMEOUT_S + 1
    with pytest.raises(SignalingLost):
        await stuck.receive()

"""A worker as the examples have it: chat comes back, files are hashed."""

import contextlib
from collections.abc import AsyncIterator

import heliograph

__all__ = ["echo_worker"]


@contextlib.asynccontextmanager
async def echo_worker(link: str, *, max_clients: int = 10) -> AsyncIterator[heliograph.Worker]:
    """Serve in the room of a link. Each answer starts with the name of the client that it is meant for."""
    worker = heliograph.Worker(link, peer_id="Worker-3108", max_clients=max_clients)

    @worker.on_channel("chat")
    async def echo(channel: heliograph.Channel) -> None:
        async for message in channel:
            await channel.send(f"{channel.peer_id}: {message!s}")

    @worker.on_channel("file")
    async def take(channel: heliograph.Channel) -> None:
        await heliograph.receive_file(channel)

    async with worker:
        yield worker

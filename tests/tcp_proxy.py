"""A TCP proxy that makes the service behind it slow, or loses its answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

__all__ = ["TcpProxy", "running_proxy"]

CHUNK_BYTES: Final = 65_536


class TcpProxy:
    """What stands before a service. It may be changed at any time."""

    def __init__(self) -> None:
        self.url = ""
        self.delay_s = 0.0
        """Everything that the service says arrives this much later."""
        self.lost = 0
        """So many of the next answers do not arrive: the connection ends in their place."""
        self.connections = 0
        """How many there have been."""


@asynccontextmanager
async def running_proxy(url: str) -> AsyncIterator[TcpProxy]:
    """A proxy before the service at that URL, on a port of its own."""
    target = urlsplit(url)
    proxy = TcpProxy()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.connections += 1
        with suppress(OSError):
            service_reader, service_writer = await asyncio.open_connection(target.hostname, target.port)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_requests(reader, service_writer))
                tasks.create_task(_answers(proxy, service_reader, writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()


async def _requests(reader: asyncio.StreamReader, service: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            service.write(chunk)
    service.close()


async def _answers(proxy: TcpProxy, service: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Equal delays keep the order, so nothing waits for what came before it."""
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        while chunk := await service.read(CHUNK_BYTES):
            if proxy.lost > 0:
                proxy.lost -= 1
                break
            loop.call_later(proxy.delay_s, writer.write, chunk)
    loop.call_later(proxy.delay_s, writer.close)

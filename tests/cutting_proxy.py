"""A TCP proxy between client and server that cuts connections, as networks do: whatever is on the way is lost."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["CuttingProxy", "cutting_proxy"]

CHUNK_BYTES = 4096


class CuttingProxy:
    """Passes bytes on. With `lives_bytes`, each WebSocket dies after a random number of bytes up to that, both ways."""

    def __init__(self, target_port: int, rng: random.Random) -> None:
        self._target_port = target_port
        self._rng = rng
        self._open: set[asyncio.StreamWriter] = set()
        self.lives_bytes: int | None = None
        self.port = 0
        self.cuts = 0
        self.refusing = False
        self._flowing = asyncio.Event()
        self._flowing.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Cut everything that is open now."""
        for writer in list(self._open):
            writer.transport.abort()

    def hang(self) -> None:
        """Pass nothing on any more, and say nothing about it."""
        self._flowing.clear()

    def go_on(self) -> None:
        """End that: what came meanwhile arrives now."""
        self._flowing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side or the knife ends it."""
        if self.refusing:
            writer.transport.abort()
            return
        try:
            to_server, from_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()  # nobody is there
            return
        ends = (writer, from_server)
        self._open.update(ends)
        life = Life(None if self.lives_bytes is None else self._rng.randint(1, self.lives_bytes))
        pumps = [
            asyncio.create_task(self._pump(reader, from_server, life)),
            asyncio.create_task(self._pump(to_server, writer, life)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if not life.over:  # one side has closed: let the other one hear the rest
                await asyncio.wait(pumps, timeout=1)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.wait(pumps)
            self.cuts += life.over
            for end in ends:
                self._open.discard(end)
                if life.over:
                    end.transport.abort()
                else:
                    end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, life: "Life") -> None:
        try:
            while not life.over and (chunk := await reader.read(CHUNK_BYTES)):
                await self._flowing.wait()
                writer.write(life.spend(chunk))
                await writer.drain()
            if not life.over and writer.can_write_eof():
                writer.write_eof()
        except OSError:
            return  # cut: that is what this is for


class Life:
    """What a connection may still carry; None for everything."""

    def __init__(self, left: int | None) -> None:
        self._left = left

    @property
    def over(self) -> bool:
        return self._left == 0

    def spend(self, chunk: bytes) -> bytes:
        """As much of the chunk as gets through."""
        if self._left is None:
            return chunk
        passed = chunk[: self._left]
        self._left -= len(passed)
        return passed


@asynccontextmanager
async def cutting_proxy(target_port: int, rng: random.Random) -> AsyncIterator[CuttingProxy]:
    """A proxy to a local port, on a free port."""
    proxy = CuttingProxy(target_port, rng)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        yield proxy
        proxy.cut()

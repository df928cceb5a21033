"""The worker of the demo: something to look at, to talk to, to call and to send files to. Needs the Python SDK.

`python -m heliograph_server.demo_worker URL ROOM PEER_ID`, with the room's token in `HELIOGRAPH_TOKEN`. Its first line
of output says that it is in the room.
"""

import asyncio
import os
import platform
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import heliograph

__all__ = ["demo_worker"]

TAGS: Final = ("demo", "echo", "cpu")
MAX_STEPS: Final = 1_000
STEP_S: Final = 0.25
MAX_COUNT: Final = 100_000


def demo_worker(url: str, room: str, token: str, peer_id: str, inbox: Path) -> heliograph.Worker:
    """The worker, which keeps what it is still receiving in `inbox`."""
    worker = heliograph.Worker(url, room=room, token=token, peer_id=peer_id, tags=TAGS, properties=_properties())

    @worker.on_channel("chat")
    async def echo(channel: heliograph.Channel) -> None:
        _say(f"{channel.peer_id} connected")
        async for message in channel:
            await channel.send(message)
        _say(f"{channel.peer_id} left")

    @worker.on_channel("file")
    async def checksum(channel: heliograph.Channel) -> None:
        file = await heliograph.receive_file(channel, into=inbox)
        _say(f"{channel.peer_id} sent {file.name}, {file.size:,} bytes, SHA-256 {file.sha256}")
        if file.path is not None:
            file.path.unlink()

    @worker.rpc("echo")
    async def echo_back(value: Any = None) -> Any:
        return value

    @worker.rpc("primes")
    async def primes(below: int = 100) -> list[int]:
        if not 0 <= below <= MAX_COUNT:
            raise heliograph.RpcError(f"From 0 to {MAX_COUNT:,}, please", code="OUT_OF_RANGE")
        return [
            number for number in range(2, below) if all(number % factor for factor in range(2, int(number**0.5) + 1))
        ]

    @worker.rpc("train")
    async def train(steps: int = 20) -> AsyncIterator[dict[str, float]]:
        if not 1 <= steps <= MAX_STEPS:
            raise heliograph.RpcError(f"From 1 to {MAX_STEPS:,} steps, please", code="OUT_OF_RANGE")
        for step in range(1, steps + 1):
            yield {"step": step, "loss": round(2.5 / (1 + step) ** 0.7, 4)}
            await asyncio.sleep(STEP_S)

    return worker


async def _serve(url: str, room: str, peer_id: str) -> None:
    with tempfile.TemporaryDirectory(prefix="heliograph-demo-") as inbox:
        async with demo_worker(url, room, os.environ["HELIOGRAPH_TOKEN"], peer_id, Path(inbox)) as worker:
            _say(f"ready {worker.peer_id} in room {worker.room_id}")
            serving = asyncio.create_task(worker.wait_closed())
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                with suppress(NotImplementedError):  # Windows
                    loop.add_signal_handler(number, serving.cancel)
            with suppress(asyncio.CancelledError):
                await serving


def _properties() -> dict[str, Any]:
    return {
        "methods": ["train", "primes", "echo"],
        "python": platform.python_version(),
        "system": platform.system(),
        "cpus": os.cpu_count() or 1,
    }


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))

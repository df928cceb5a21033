"""Transfers in which a side, the server or the network is killed at a random moment; `--help` lists the options."""

import argparse
import asyncio
import contextlib
import hashlib
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from server_process import ServerProcess, running_server

import heliograph

__all__ = ["VICTIMS", "killed_transfers"]

PROGRAM = Path(__file__).with_name("file_peer.py")
VICTIMS = ("sender", "receiver", "server", "network")
POLL_S = 0.002
START_LIMIT_S = 30.0
TRANSFER_LIMIT_S = 180.0


class Process:
    """A sender or receiver, which can be killed and started again."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        """It, once it was started."""
        if self._process is None:
            raise RuntimeError("It was not started")
        return self._process

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), *self._arguments, stdout=asyncio.subprocess.PIPE
        )

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.communicate()  # to the end of its output, before which the loop does not let go of it

    async def line(self) -> str:
        """The next line that it prints; empty when it has ended."""
        if self.process.stdout is None:
            raise RuntimeError("Its output is not piped")
        return (await self.process.stdout.readline()).decode().strip()


async def killed_transfers(
    folder: Path, *, size: int, victims: list[str], seed: int
) -> AsyncIterator[tuple[str, int, int, float]]:
    """Send a file of that size once for each victim, which is killed at a random moment and started again.

    Gives (victim, bytes there when it was killed, bytes that the last attempt found there, seconds). Raises
    AssertionError if the hashes differ, or anything but the file is left.
    """
    rng = random.Random(seed)
    inbox = folder / "inbox"
    inbox.mkdir()
    async with running_server(folder / "server") as server, heliograph.Api(server.url) as api:
        id_token = (await api.sign_in()).id_token
        room = await api.create_room(id_token=id_token)
        link = f"{server.url}/#room={room.room_id}&token={room.token}"
        receiver = Process("receive", link, id_token, str(inbox))
        await _start_receiver(receiver)
        try:
            for number, victim in enumerate(victims):
                source = folder / f"{number}.bin"
                sha256 = await asyncio.to_thread(_make, source, size, rng.randrange(2**32))
                sender = Process("send", link, id_token, str(source))
                started = time.monotonic()
                await sender.start()
                try:
                    async with asyncio.timeout(TRANSFER_LIMIT_S):
                        there = await _moment(inbox, rng.randrange(size))
                        await _kill(victim, sender, receiver, server)
                        words = (await sender.line()).split()
                        await sender.process.wait()
                finally:
                    await sender.kill()
                seconds = time.monotonic() - started
                assert words[:2] == ["sent", sha256], f"{victim} at {there:,}: {words}"
                await asyncio.to_thread(_check, inbox, source, sha256)
                yield victim, there, int(words[2]), seconds
        finally:
            await receiver.kill()


async def _start_receiver(receiver: Process) -> None:
    await receiver.start()
    async with asyncio.timeout(START_LIMIT_S):
        assert await receiver.line() == "ready"


async def _moment(inbox: Path, moment: int) -> int:
    """Wait until so much has arrived."""
    while True:
        if (there := sum(_sizes(inbox))) >= moment:
            return there
        await asyncio.sleep(POLL_S)  # another process writes there: nobody tells


async def _kill(victim: str, sender: Process, receiver: Process, server: ServerProcess) -> None:
    match victim:
        case "sender":
            await sender.kill()
            await sender.start()
        case "receiver":
            await receiver.kill()
            await _start_receiver(receiver)
        case "server":
            await server.kill()
            await server.start()
        case "network":
            with contextlib.suppress(ProcessLookupError):  # it is through already
                sender.process.send_signal(signal.SIGUSR1)
        case _:
            raise ValueError(victim)


def _sizes(inbox: Path) -> Iterator[int]:
    for path in inbox.iterdir():
        if path.suffix != ".journal":
            with contextlib.suppress(FileNotFoundError):  # it just got its name
                yield path.stat().st_size


def _make(path: Path, size: int, seed: int) -> str:
    content = random.Random(seed).randbytes(size)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _check(inbox: Path, source: Path, sha256: str) -> None:
    assert [path.name for path in inbox.iterdir()] == [source.name]
    with (inbox / source.name).open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == sha256
    (inbox / source.name).unlink()
    source.unlink()


async def _main(size: int, kills: int, seed: int) -> None:
    victims = random.Random(seed).choices(VICTIMS, k=kills)
    with tempfile.TemporaryDirectory() as folder:
        number = 0
        async for victim, there, resumed, seconds in killed_transfers(
            Path(folder), size=size, victims=victims, seed=seed
        ):
            number += 1
            print(f"{number}/{kills} {victim} at {there:,} bytes: went on at {resumed:,}, {seconds:.1f} s", flush=True)
    print(f"{kills} transfers of {size:,} bytes, each with equal hashes (seed {seed})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(2**16))
    options = parser.parse_args()
    asyncio.run(_main(options.megabytes * 1_000_000, options.kills, options.seed))

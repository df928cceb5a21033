"""The servers that are compared, each as a process of its own on the server's core."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from bench.dialects import Dialect, Kind, Pass
from bench.machine import SERVER_CORE, pin, prefer
from heliograph_server.identity.local import LocalIdentity
from heliograph_server.identity.signing import SigningKey
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.invitations import JoinTokens
from heliograph_server.rooms.service import RoomService
from heliograph_server.rooms.sqlite import SqliteRoomStore

__all__ = [
    "BASELINE",
    "CONTESTANTS",
    "MIRROR",
    "Contestant",
    "Running",
    "await_end",
    "free_port",
    "heliograph_passes",
    "serve_command",
    "wait_until_listening",
]

HERE: Final = Path(__file__).parent
START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 10.0


class Contestant(Struct, frozen=True):
    """One server, with one way of speaking to it."""

    name: str
    label: str
    transport: str = ""
    """Of Heliograph."""
    level: int = 1
    kind: Kind = "heliograph"


class Running(Struct, frozen=True):
    """A server that listens."""

    port: int
    pid: int
    dialect: Dialect


PICOWS: Final = Contestant("picows", "Heliograph", "picows")
PICOWS_2: Final = Contestant("picows-2", "Heliograph, level 2", "picows", 2)
ASGI: Final = Contestant("asgi", "Heliograph, portable transport", "asgi")
PEERSERVER: Final = Contestant("peerserver", "PeerServer", kind="peerserver")
BASELINE: Final = Contestant("baseline", "websockets + json + log", kind="baseline")
MIRROR: Final = Contestant("mirror", "(the load itself)", kind="mirror")
CONTESTANTS: Final = (PICOWS, PICOWS_2, ASGI, PEERSERVER, BASELINE, MIRROR)


@contextlib.contextmanager
def running(contestant: Contestant, *, peers: int, room_size: int) -> Iterator[Running]:
    """Start a contestant for that many peers, in rooms of that size, and end it."""
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as folder:
        port = free_port()
        if contestant.transport:
            rooms = [min(room_size, peers - first) for first in range(0, peers, room_size)]
            passes = asyncio.run(heliograph_passes(Path(folder), rooms))
        else:
            passes = [Pass(f"peer-{number:06d}", "room", f"token-{number:06d}", "id-token") for number in range(peers)]
        process = subprocess.Popen(
            _command(contestant, port, Path(folder)),
            stdout=subprocess.DEVNULL,
            stderr=None if contestant.transport else subprocess.DEVNULL,
            env={**os.environ, "NODE_ENV": "production"},
            preexec_fn=_take_core,  # noqa: PLW1509 - no threads here
        )
        try:
            wait_until_listening(port, process)
            dialect = Dialect(contestant.kind, contestant.level, passes)
            yield Running(port, process.pid, dialect)
        finally:
            process.terminate()
            await_end(process, STOP_TIMEOUT_S)


def await_end(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Wait for a process that was told to end, and kill it if it does not."""
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _take_core() -> None:
    """Let what is started have the server's core, and go before others there."""
    pin({SERVER_CORE})
    prefer()


def _command(contestant: Contestant, port: int, folder: Path) -> list[str]:
    if contestant is PEERSERVER:
        return [node(), str(HERE / "peerserver.cjs"), str(port)]
    if contestant is MIRROR:
        return [sys.executable, "-m", "bench.mirror", str(port)]
    if contestant is BASELINE:
        return [sys.executable, "-m", "bench.baseline", str(port), str(folder / "log")]
    return serve_command(port, folder, transport=contestant.transport)


def serve_command(port: int, folder: Path, **more: str | int) -> list[str]:
    """What starts a Heliograph, with `more` settings."""
    options = {
        "http-port": port,
        "ws-port": port,
        "data-dir": folder,
        "rate-limit": 1_000_000,  # counted as ever, never reached: a pair of the load does the work of thousands
        "log-level": "info",
        "log-format": "json",
        **more,
    }
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "heliograph_server", "serve", *given]


def node() -> str:
    """The path of Node.js."""
    found = shutil.which("node")
    if found is None:
        raise SystemExit("PeerServer needs Node.js on PATH.")
    return found


async def heliograph_passes(folder: Path, room_sizes: Sequence[int]) -> list[Pass]:
    """Real rooms and real id tokens, one user a peer, in the data directory that the server will use.

    The peers of a room are one after the other.
    """
    identity = LocalIdentity(folder, time.time)
    store = SqliteRoomStore(folder)
    tokens = JoinTokens(SigningKey.load(folder), clock=time.time)
    rooms = RoomService(store, clock=time.time, max_peers=max(1000, *room_sizes), join_tokens=tokens)
    owner = User(issuer=identity.issuer, subject="bench")
    passes: list[Pass] = []
    for size in room_sizes:
        room = await rooms.create(owner)
        for number in range(len(passes), len(passes) + size):
            id_token = identity.mint(f"user-{number:06d}", 24 * 3600)
            passes.append(Pass(f"peer-{number:06d}", room.room_id, room.token, id_token))
    await store.close()
    return passes


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server that was started lets someone connect."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with {process.returncode} before it listened")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("The server does not listen")

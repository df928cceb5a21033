"""The whole thing on one machine: the server, a room, a real worker in it, and a link for a browser."""

import asyncio
import contextlib
import importlib.util
import os
import signal
import sys
from typing import Final
from urllib.parse import urlencode

from msgspec.structs import replace

from heliograph_server.app import Application
from heliograph_server.errors import DomainError
from heliograph_server.identity.verifier import User
from heliograph_server.ops.logging import configure_logging
from heliograph_server.rooms.model import Room
from heliograph_server.serve import Listeners, run, serve
from heliograph_server.settings import Settings

__all__ = ["run_demo"]

WORKER_READY_TIMEOUT_S: Final = 30.0
WORKER_STOP_TIMEOUT_S: Final = 2.0
WORKER_ID: Final = "Worker-1"


class DemoFailed(Exception):
    """The demo could not start; the text says why."""


def run_demo(settings: Settings) -> int:
    """Run the demo until Ctrl-C; returns the exit code."""
    if importlib.util.find_spec("heliograph") is None:
        _say("The demo needs the Python SDK beside the server: pip install heliograph", error=True)
        return 1
    configure_logging(replace(settings, log_level="warning"))
    listeners = Listeners.bind(settings, move_if_taken=True)
    for wanted, got in ((settings.http_port, listeners.http_port), (settings.ws_port, listeners.ws_port)):
        if wanted not in {0, got}:
            _say(f"Port {wanted} is taken; using {got} instead.")
    demo = _Demo(Application(settings), listeners)
    run(serve(demo.application, listeners, while_up=demo.run))
    if demo.failure is not None:
        _say(demo.failure, error=True)
        return 1
    return 0


class _Demo:
    def __init__(self, application: Application, listeners: Listeners) -> None:
        self.application = application
        self.failure: str | None = None
        host = application.settings.host
        reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
        scheme = "http" if application.settings.tls_cert is None else "https"
        self._url = f"{scheme}://{f'[{reachable}]' if ':' in reachable else reachable}:{listeners.http_port}"

    async def run(self) -> None:
        try:
            signed_in = await self.application.identity.sign_in()
            owner: User = await self.application.identity.verify(signed_in.id_token)
        except DomainError as error:
            self.failure = f"The demo can't sign in: {error}."
            return
        room = await self.application.rooms.create(owner)
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "heliograph_server.demo_worker", self._url, room.room_id, WORKER_ID),
            env={**os.environ, "HELIOGRAPH_TOKEN": room.token},
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            await self._introduce(worker, room)
        except DemoFailed as error:
            self.failure = str(error)
        finally:
            await _stop(worker)

    async def _introduce(self, worker: asyncio.subprocess.Process, room: Room) -> None:
        words = worker.stdout
        if words is None:
            raise DemoFailed("The worker has no standard output.")
        await _ready(words)
        link = urlencode({"room": room.room_id, "token": room.token, "connect": WORKER_ID})
        _say(f"\nOpen this in a browser:\n\n    {self._url}/#{link}\n\nThe worker echoes messages, checks files and")
        _say("answers calls: train(20) streams its results. Ctrl-C ends it.")
        async for line in words:
            _say("worker: " + line.decode(errors="replace").rstrip())
        raise DemoFailed(f"The worker ended with exit code {await worker.wait()}; its own words are above.")


async def _ready(words: asyncio.StreamReader) -> None:
    try:
        async with asyncio.timeout(WORKER_READY_TIMEOUT_S):
            first = await words.readline()
    except TimeoutError:
        raise DemoFailed(f"The worker did not get ready within {WORKER_READY_TIMEOUT_S:.0f} s.") from None
    if not first:
        raise DemoFailed("The worker ended before it was ready; its own words are above.")


async def _stop(worker: asyncio.subprocess.Process) -> None:
    if worker.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        worker.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(WORKER_STOP_TIMEOUT_S):
            await worker.wait()
    except TimeoutError:
        worker.kill()
        await worker.wait()


def _say(text: str, *, error: bool = False) -> None:
    stream = sys.stderr if error else sys.stdout
    stream.write(text + "\n")
    stream.flush()

"""Several processes on one machine that are one server: each a node of the cluster, all on the same ports.

The supervisor binds the ports, starts the workers, starts those anew that end by themselves, and ends all of them when
it is told to end. It serves nobody itself. A worker whose supervisor is gone ends too.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import structlog

from heliograph_server.app import Application
from heliograph_server.aws.calls import AwsUnusable
from heliograph_server.cluster.assembly import ClusterUnusable
from heliograph_server.cluster.siblings import Siblings
from heliograph_server.errors import StoreUnavailable
from heliograph_server.identity.keyfile import load_or_create_key
from heliograph_server.ops.logging import configure_logging
from heliograph_server.serve import LISTENING, Listeners, run, serve
from heliograph_server.settings import Settings

__all__ = ["run_workers"]

STOP_TIMEOUT_S: Final = 15.0
"""How long workers may take to end, after the delay, before they are killed: handing rooms over and closing takes up to
10 s."""

RESTART_DELAY_S: Final = 0.5
"""How long a worker that ended by itself is not started anew; twice as long each further time."""

STEADY_S: Final = 30.0
"""A worker that has lived for so long is all right: its earlier ends are forgotten."""

MAX_FAILURES: Final = 5
"""So many ends in a row, and the server is given up."""

_log = structlog.get_logger(__name__)
_processes: Final = multiprocessing.get_context("forkserver")
"""All is imported once, and workers share it."""


def run_workers(settings: Settings) -> int:
    """Run `settings.workers` processes until SIGINT or SIGTERM; returns the exit code.

    Raises `PortTaken`, and `KeyFileError`.
    """
    configure_logging(settings)
    if not settings.signing_key:
        load_or_create_key(settings.data_dir)  # before several of them would make one each
    _processes.set_forkserver_preload([__name__])
    listeners = Listeners.bind_shared(settings, settings.workers)
    with tempfile.TemporaryDirectory(prefix="heliograph-") as folder, _signals() as told:
        return _Supervisor(settings, listeners, Path(folder)).run(told)


class _Supervisor:
    def __init__(self, settings: Settings, listeners: list[Listeners], folder: Path) -> None:
        self._workers = [_Worker(settings, own, folder) for own in listeners]
        self._stop_timeout_s = settings.drain_delay_s + STOP_TIMEOUT_S

    def run(self, told: socket.socket) -> int:
        """Keep the workers up until a signal comes."""
        try:
            for worker in self._workers:
                worker.start()
            _log.info("workers.started", workers=len(self._workers))
            while True:
                due = [worker.due_at - time.monotonic() for worker in self._workers if worker.process is None]
                wait([told, *self._sentinels()], timeout=max(0.0, min(due)) if due else None)
                if told in wait([told], timeout=0):
                    return 0
                hopeless = [worker for worker in self._workers if worker.tend()]
                if hopeless:
                    _log.error("workers.given_up")
                    return 1
        finally:
            self._stop()

    def _sentinels(self) -> list[int]:
        return [worker.process.sentinel for worker in self._workers if worker.process is not None]

    def _stop(self) -> None:
        running = [worker.process for worker in self._workers if worker.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self._stop_timeout_s
        for process in running:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                _log.warning("worker.killed", pid=process.pid)
                process.kill()
                process.join()


class _Worker:
    """One place for a process, and the process that has it, if there is one at the moment."""

    def __init__(self, settings: Settings, listeners: Listeners, folder: Path) -> None:
        self._settings = settings
        self._listeners = listeners
        self._folder = folder
        self._failures = 0
        self._started_at = 0.0
        self._was_up = False
        """Whether any process in this place has ever listened."""
        self._lifeline: Connection | None = None
        self.process: BaseProcess | None = None
        self.due_at = 0.0
        """When the next one is started, on the monotonic clock."""

    def start(self) -> None:
        theirs, self._lifeline = _processes.Pipe()
        self.process = _processes.Process(
            target=_work,
            args=(self._settings, self._listeners.sockets, self._folder, theirs),
            name="heliograph-worker",
        )
        self._started_at = time.monotonic()
        self.process.start()
        theirs.close()
        _log.info("worker.started", pid=self.process.pid)

    def tend(self) -> bool:
        """Do what is due; True if it is no use: a first process that never listened would not do so the next time."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due_at:
                self.start()
            return False
        if self.process.is_alive():
            return False
        if now - self._started_at >= STEADY_S:
            self._failures = 0
        _log.error("worker.ended", pid=self.process.pid, exit_code=self.process.exitcode)
        self.due_at = now + RESTART_DELAY_S * 2**self._failures
        self._failures += 1
        self.process = None
        if self._lifeline is not None:
            self._was_up |= self._has_listened(self._lifeline)
            self._lifeline.close()
        return not self._was_up or self._failures >= MAX_FAILURES

    @staticmethod
    def _has_listened(lifeline: Connection) -> bool:
        try:
            return lifeline.poll() and os.read(lifeline.fileno(), 1) == LISTENING
        except OSError:
            return False


def _work(settings: Settings, sockets: list[socket.socket], folder: Path, lifeline: Connection) -> None:
    """What a worker does."""
    configure_logging(settings)
    siblings = Siblings(folder)
    try:
        run(serve(Application(settings, siblings), Listeners(sockets), siblings=siblings, lifeline=lifeline.fileno()))
    except (AwsUnusable, ClusterUnusable, StoreUnavailable, OSError) as error:
        sys.stderr.write(f"heliograph-server: {error}\n")
        raise SystemExit(1) from error


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that can be read once SIGINT or SIGTERM has come. Neither ends the process."""
    told, tell = socket.socketpair()
    told.setblocking(False)
    tell.setblocking(False)
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    older = signal.set_wakeup_fd(tell.fileno())
    try:
        yield told
    finally:
        signal.set_wakeup_fd(older)
        for number, handler in before.items():
            signal.signal(number, handler)
        told.close()
        tell.close()

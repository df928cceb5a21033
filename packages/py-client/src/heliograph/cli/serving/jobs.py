"""The jobs of a worker: how many run at once, and what is told of each."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from heliograph.cli.output import Output

__all__ = ["Job", "Jobs"]


@dataclass(slots=True)
class Job:
    """One call of one method. `exit_code` is that of a command."""

    number: int
    method: str
    peer_id: str
    exit_code: int | None = None


class Jobs:
    """Lets `at_once` jobs run; further ones wait, in the order in which they came."""

    def __init__(self, at_once: int, out: Output) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._out = out
        self._count = 0

    @asynccontextmanager
    async def job(self, method: str, peer_id: str) -> AsyncIterator[Job]:
        """A job that runs within the block, when it is its turn."""
        async with self._slots, self._told(method, peer_id) as job:
            yield job

    async def in_thread(self, method: str, peer_id: str, function: Callable[[], Any]) -> Any:
        """Run a plain function as a job, in a thread of its own.

        A thread cannot be stopped: one whose caller has given up keeps its slot until it is through. It does not keep
        the worker from ending.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

        def settle(value: Any, error: BaseException | None) -> None:
            self._slots.release()
            if not outcome.done():
                outcome.set_result((value, error))

        def work() -> None:
            value, error = None, None
            try:
                value = function()
            except BaseException as raised:  # noqa: BLE001 - it is raised again by who waits for it
                error = raised
            with suppress(RuntimeError):  # the loop has closed meanwhile
                loop.call_soon_threadsafe(settle, value, error)

        await self._slots.acquire()
        under_way = False
        try:
            async with self._told(method, peer_id):
                threading.Thread(target=work, name=f"{method} for {peer_id}", daemon=True).start()
                under_way = True
                value, error = await outcome
                if error is not None:
                    raise error
                return value
        finally:
            if not under_way:
                self._slots.release()

    @asynccontextmanager
    async def _told(self, method: str, peer_id: str) -> AsyncIterator[Job]:
        self._count += 1
        job = Job(self._count, method, peer_id)
        self._tell(job, "started", "started")
        started = time.monotonic()
        outcome = "done"
        try:
            yield job
        except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt):
            outcome = "cancelled"
            raise
        except BaseException:  # SystemExit too
            outcome = "failed"
            raise
        finally:
            self._tell(job, "ended", outcome, seconds=round(time.monotonic() - started, 3))

    def _tell(self, job: Job, event: str, outcome: str, **fields: object) -> None:
        more: dict[str, object] = {} if event == "started" else {"outcome": outcome, "exit_code": job.exit_code}
        took = f" after {fields['seconds']} s" if "seconds" in fields else ""
        code = f", exit code {job.exit_code}" if job.exit_code else ""
        words = f"job {job.number}: {job.method} for {job.peer_id} {outcome}{took}{code}"
        self._out.event(f"job_{event}", words, job=job.number, method=job.method, peer_id=job.peer_id, **more, **fields)

"""How far transfers are: bars in a terminal, events for programs."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from heliograph.cli.output import Output, cell, screen

__all__ = ["Transfer", "Transfers"]

EVENT_INTERVAL_S = 1.0
"""Between two events of one transfer; one that is quicker has none."""
NAME_COLUMNS = 28


class Transfers:
    """Shows the transfers that are under way."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._bars = Progress(
            TextColumn(
                "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=2)
            ),
            BarColumn(bar_width=None, table_column=Column(ratio=2, min_width=4)),
            DownloadColumn(table_column=Column(no_wrap=True, justify="right")),
            TransferSpeedColumn(table_column=Column(no_wrap=True, justify="right")),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
            console=screen,
            disable=not out.is_live,
            transient=True,
            expand=True,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, name: str, *, peer_id: str, clock: Callable[[], float] = time.monotonic) -> Transfer:
        """A transfer begins. It is a context manager, and what it gives is called with the bytes done and in all."""
        task = self._bars.add_task(cell(name), total=None)
        return Transfer(self._bars, task, self._out, name=name, peer_id=peer_id, clock=clock)


class Transfer:
    """One transfer."""

    def __init__(
        self, bars: Progress, task: TaskID, out: Output, *, name: str, peer_id: str, clock: Callable[[], float]
    ) -> None:
        self._bars = bars
        self._task = task
        self._out = out
        self._about = {"name": name, "peer_id": peer_id}
        self._clock = clock
        self._told_at = clock()
        self._begin: tuple[int, float] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.remove_task(self._task)

    def __call__(self, done: int, total: int) -> None:
        """So many bytes of so many have been verified."""
        now = self._clock()
        if self._begin is None:  # what was there before, after a resume, says nothing about the rate
            self._begin = done, now
            self._bars.reset(self._task, completed=done, total=total)
        self._bars.update(self._task, completed=done, total=total)
        if done == total or now - self._told_at < EVENT_INTERVAL_S:
            return
        self._told_at = now
        begin, since = self._begin
        rate = (done - begin) / (now - since) if now > since else None
        self._out.quiet_event(
            "progress",
            **self._about,
            done=done,
            total=total,
            bytes_per_s=None if rate is None else round(rate),
            seconds_left=round((total - done) / rate, 1) if rate else None,
        )

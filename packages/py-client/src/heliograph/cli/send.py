"""`heliograph send`."""

from __future__ import annotations

import time
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from heliograph.channels.files import send_file
from heliograph.cli.options import RoomOptions
from heliograph.cli.output import Output, console
from heliograph.cli.peer import connected

__all__ = ["send"]


async def send(where: RoomOptions, path: Path, peer: str | None, *, as_json: bool) -> None:
    """Send the file and print what the receiver confirmed."""
    async with connected(where, peer) as connection:
        started = time.monotonic()
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=as_json or not console.is_terminal,
        ) as bar:
            task = bar.add_task(path.name, total=None)
            sent = await send_file(
                connection, path, progress=lambda done, size: bar.update(task, completed=done, total=size)
            )
        seconds = time.monotonic() - started
        Output(as_json=as_json).event(
            "file_sent",
            f"{connection.peer_id} has {sent.name}: {sent.size:,} bytes, SHA-256 {sent.sha256}",
            peer_id=connection.peer_id,
            name=sent.name,
            size=sent.size,
            sha256=sent.sha256,
            seconds=round(seconds, 3),
        )

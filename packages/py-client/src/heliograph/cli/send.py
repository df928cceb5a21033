"""`heliograph send`."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from heliograph.cli.connected import connected
from heliograph.cli.output import Output, screen
from heliograph.cli.run import run
from heliograph.cli.where import Where, output_options, room_options
from heliograph.files.send import send_file

__all__ = ["send"]


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@room_options
@click.option("--peer", metavar="ID", help="Whom to send it to.  [default: the only other peer in the room]")
@output_options
def send(*, file: Path, where: Where, peer: str | None, out: Output) -> None:
    """Send a file to a peer and wait until it has confirmed the checksum."""
    run(lambda: _send(where, file, peer, out), out=out, until_stopped=False)


async def _send(where: Where, path: Path, peer: str | None, out: Output) -> None:
    """Send the file and print what the receiver confirmed."""
    async with connected(where, peer) as connection:
        started = time.monotonic()
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=screen,
            disable=not out.is_live,
        ) as bar:
            task = bar.add_task(path.name, total=None)
            sent = await send_file(
                connection, path, progress=lambda done, size: bar.update(task, completed=done, total=size)
            )
        seconds = time.monotonic() - started
        out.event(
            "file_sent",
            f"{connection.peer_id} has {sent.name}: {sent.size:,} bytes, SHA-256 {sent.sha256}",
            peer_id=connection.peer_id,
            name=sent.name,
            size=sent.size,
            sha256=sent.sha256,
            seconds=round(seconds, 3),
        )

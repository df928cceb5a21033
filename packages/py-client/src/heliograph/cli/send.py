"""`heliograph send`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from heliograph.cli.connected import RECEIVER, connected
from heliograph.cli.group import Command
from heliograph.cli.output import Output
from heliograph.cli.progress import Transfers
from heliograph.cli.room import made_room
from heliograph.cli.run import CommandFailed, run
from heliograph.cli.where import Where, output_options, room_options
from heliograph.files.directory import send_directory
from heliograph.files.offer import SentFile
from heliograph.files.send import send_file
from heliograph.peer.connection import Connection

__all__ = ["send"]

NOT_ARRIVED = 7
"""The exit code."""


@click.command(cls=Command, short_help="Send files and directories to a peer.")
@click.argument(
    "paths",
    metavar="PATH...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, readable=True, path_type=Path),
)
@click.option(
    "--peer",
    metavar="ID",
    help="Whom to send it to.  [default: the only other peer in the room, or the only `receive`]",
)
@click.option(
    "--wait",
    "wait_s",
    metavar="SECONDS",
    type=click.IntRange(min=0),
    help="How long to wait for the peer to come.  [default: not at all, in a room made for this without end]",
)
@room_options
@output_options
def send(*, paths: tuple[Path, ...], peer: str | None, wait_s: int | None, where: Where, out: Output) -> None:
    """Send files and directories to a peer, and wait until it has confirmed each checksum.

    What was interrupted goes on where it stopped when the same command is given again. Links and empty directories are
    left out. Without a room it makes one, prints the command that receives there, and waits for somebody.

    \b
    Examples:
      heliograph send photo.jpg
      heliograph send model.bin dataset/ --url 'http://host:8001/#room=…&token=…' --peer Worker-1
    """
    run(lambda: _send(where, paths, peer, wait_s, out), out=out, until_stopped=False)


async def _send(where: Where, paths: tuple[Path, ...], peer: str | None, wait_s: float | None, out: Output) -> None:
    """Send everything, and print what the receiver confirmed."""
    if where.room is None:
        created, link = await made_room(where)
        where = replace(where, chosen=where.chosen.with_room(created.room_id, created.token))
        words = f"Receive it with: heliograph receive --url '{link}'"
        out.event("waiting", words, room_id=created.room_id, link=link)
    elif wait_s is None:
        wait_s = 0
    async with connected(where, peer, wait_s=wait_s, role=RECEIVER, out=out) as connection:
        for path in paths:
            with _telling_what_is_unreadable(path):
                if path.is_dir():
                    await _send_directory(connection, path, path.resolve().name, out)
                else:
                    await _send_file(connection, path, out)


@contextmanager
def _telling_what_is_unreadable(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # of our own output
        raise
    except OSError as error:
        words = f"{error.filename or path} cannot be read: {error.strerror or error}"
        raise CommandFailed(NOT_ARRIVED, words, kind=type(error).__name__) from error


async def _send_file(connection: Connection, path: Path, out: Output) -> None:
    started = time.monotonic()
    with Transfers(out) as transfers, transfers.begin(path.name, peer_id=connection.peer_id) as transfer:
        sent = await send_file(connection, path, progress=transfer)
    seconds = time.monotonic() - started
    words = f"{connection.peer_id} has {sent.name}: {sent.size:,} bytes, SHA-256 {sent.sha256}"
    out.event("file_sent", words, **_fields(connection, sent), seconds=round(seconds, 3))


async def _send_directory(connection: Connection, path: Path, name: str, out: Output) -> None:
    started = time.monotonic()
    with Transfers(out) as transfers, transfers.begin(f"{name}/", peer_id=connection.peer_id) as transfer:
        files = await send_directory(connection, path, progress=transfer)
    seconds = round(time.monotonic() - started, 3)
    for sent in files:
        out.quiet_event("file_sent", **_fields(connection, sent))
    size = sum(sent.size for sent in files)
    out.event(
        "directory_sent",
        f"{connection.peer_id} has {name}/: {len(files):,} files, {size:,} bytes",
        peer_id=connection.peer_id,
        name=name,
        files=len(files),
        size=size,
        seconds=seconds,
    )


def _fields(connection: Connection, sent: SentFile) -> dict[str, object]:
    return {
        "peer_id": connection.peer_id,
        "name": sent.name,
        "folder": list(sent.folder),
        "size": sent.size,
        "sha256": sent.sha256,
        "resumed_at": sent.resumed_at,
    }

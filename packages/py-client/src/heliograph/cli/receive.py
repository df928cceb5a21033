"""`heliograph receive`."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from heliograph.channels.channel import Channel
from heliograph.cli.connected import RECEIVER
from heliograph.cli.group import Command
from heliograph.cli.output import Output
from heliograph.cli.progress import Transfer, Transfers
from heliograph.cli.room import given_or_made_room
from heliograph.cli.run import run
from heliograph.cli.taking import name_of, taking_options, tell_not_arrived
from heliograph.cli.where import Where, output_options, room_options
from heliograph.config import random_peer_id
from heliograph.errors import TransferError, TransferInterrupted
from heliograph.files.offer import FileOffer, ReceivedFile
from heliograph.files.receive import receive_file
from heliograph.files.slots import Slots
from heliograph.peer.connection import Connection
from heliograph.worker import Worker
from heliograph_protocol.datachannel import FILE_LABEL

__all__ = ["receive"]


@dataclass(frozen=True, slots=True)
class ReceiveOptions:
    """What the receive command was asked for."""

    where: Where
    into: Path
    existing: Literal["rename", "replace", "refuse"]
    max_bytes: int | None
    sender: str | None
    once: bool
    peer_id: str | None


@click.command(cls=Command, short_help="Receive files into a directory.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to save files; it is made if need be.  [env: HELIOGRAPH_INTO; default: the working directory]",
)
@taking_options
@click.option("--from", "sender", metavar="ID", help="Take files from this peer alone.")
@click.option("--once", is_flag=True, help="End when the first sender has gone, and everything of it has arrived.")
@click.option("--peer-id", metavar="ID", help="This receiver's id in the room.  [default: Receiver-…]")
@room_options
@output_options
def receive(*, where: Where, into: Path | None, once: bool, out: Output, **others: Any) -> None:
    """Receive files into a directory, until interrupted.

    A file has its name only when it is whole, verified and on the disk. What was interrupted goes on where it stopped
    when it is sent again. Everybody in the room can send. Without a room it makes one and prints the command that
    sends there.

    \b
    Examples:
      heliograph receive --into inbox
      heliograph receive --once --url 'http://host:8001/#room=…&token=…'
    """
    directory = into or Path(where.chosen.text("into") or ".").expanduser()
    options = ReceiveOptions(where=where, into=directory, once=once, **others)
    run(lambda: _Receiving(options, out).run(), out=out, until_stopped=not once)


class _Receiving:
    """Takes files as they come."""

    def __init__(self, options: ReceiveOptions, out: Output) -> None:
        self._options = options
        self._out = out
        self._transfers = Transfers(out)
        self._slots = Slots()
        self._under_way = 0
        self._arrived = 0
        self._interrupted: set[str] = set()
        self._senders: dict[Connection, asyncio.Task[None]] = {}
        self._has_somebody_gone = False
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Receive until cancelled, or with --once until the first sender has gone."""
        options, where = self._options, self._options.where
        room, token, link = await given_or_made_room(where)
        worker = Worker(
            where.url,
            room=room,
            token=token,
            id_token=where.id_token,
            peer_id=options.peer_id or random_peer_id("Receiver"),
            role=RECEIVER,
            ice_servers=where.ice_servers,
        )
        worker.on_channel(FILE_LABEL)(self._take)
        async with worker:
            words = f"{worker.peer_id} receives into {options.into} in room {worker.room_id} at {where.url}"
            if link is not None:
                words += f"\nSend with: heliograph send FILE --url '{link}'"
            self._out.event(
                "ready",
                words,
                peer_id=worker.peer_id,
                room_id=worker.room_id,
                url=where.url,
                link=link,
                into=str(options.into),
            )
            with self._transfers:
                await self._until_over(worker)

    async def _until_over(self, worker: Worker) -> None:
        serving = asyncio.ensure_future(worker.wait_closed())
        ending = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
        finally:
            for task in (serving, ending, *self._senders.values()):
                task.cancel()

    async def _take(self, channel: Channel) -> None:
        if self._options.once and channel.connection not in self._senders:
            watching = asyncio.create_task(self._watch(channel.connection), name=f"files of {channel.peer_id}")
            self._senders[channel.connection] = watching
        self._under_way += 1
        try:
            async with self._slots.of(channel.peer_id):
                await self._receive(channel)
        finally:
            self._under_way -= 1
            self._check_over()

    async def _receive(self, channel: Channel) -> None:
        name = None
        with contextlib.ExitStack() as stack:
            transfer: Transfer | None = None

            def accept(offer: FileOffer) -> bool:
                nonlocal name, transfer
                name = name_of(offer)
                transfer = stack.enter_context(self._transfers.begin(name, peer_id=offer.peer_id))
                return self._options.sender in {None, offer.peer_id}

            def progress(done: int, total: int) -> None:
                if transfer is not None:
                    transfer(done, total)

            try:
                file = await receive_file(
                    channel,
                    into=self._options.into,
                    existing=self._options.existing,
                    max_bytes=self._options.max_bytes,
                    accept=accept,
                    progress=progress,
                )
            except TransferError as error:
                if name is not None and isinstance(error, TransferInterrupted):
                    self._interrupted.add(name)
                tell_not_arrived(self._out, channel.peer_id, name, error)
                return
        self._interrupted.discard(name or file.name)
        self._arrived += 1
        self._tell(file)

    async def _watch(self, sender: Connection) -> None:
        await sender.wait_closed()
        del self._senders[sender]
        self._has_somebody_gone = True
        self._check_over()

    def _check_over(self) -> None:
        """It is over when a sender has gone, unless something came only in part: then it will come again."""
        if self._has_somebody_gone and self._arrived and not self._under_way and not self._interrupted:
            self._over.set()

    def _tell(self, file: ReceivedFile) -> None:
        self._out.event(
            "file_received",
            f"{file.peer_id} sent {file.path}: {file.size:,} bytes, SHA-256 {file.sha256}",
            peer_id=file.peer_id,
            name=file.name,
            folder=list(file.folder),
            size=file.size,
            sha256=file.sha256,
            path=str(file.path),
            resumed_at=file.resumed_at,
        )

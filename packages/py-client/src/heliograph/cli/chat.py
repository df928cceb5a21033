"""`heliograph chat`."""

from __future__ import annotations

import asyncio
import contextlib
import os

import click

from heliograph.channels.channel import Channel
from heliograph.cli.connected import connected
from heliograph.cli.group import Command
from heliograph.cli.input_lines import input_lines
from heliograph.cli.output import Output
from heliograph.cli.run import run
from heliograph.cli.where import Where, output_options, room_options
from heliograph_protocol.datachannel import CHAT_LABEL

__all__ = ["chat"]

LINGER_S = 1.0
"""When the lines came from a pipe: how long it must be quiet after the last one before the chat ends."""


@click.command(cls=Command, short_help="Chat with a peer, line by line.")
@room_options
@click.option("--peer", metavar="ID", help="Whom to chat with.  [default: the only other peer in the room]")
@output_options
def chat(*, where: Where, peer: str | None, out: Output) -> None:
    """Chat with a peer: each line of standard input is a message. Ends with Ctrl-D."""
    run(lambda: _chat(where, peer, out), out=out, until_stopped=False)


async def _chat(where: Where, peer: str | None, output: Output) -> None:
    """Send each line of standard input, print each message that comes, until either side ends."""
    async with connected(where, peer, out=output) as connection:
        output.event("connected", f"Connected to {connection.peer_id}.", peer_id=connection.peer_id)
        channel = connection.channel(CHAT_LABEL)
        arrived = asyncio.Event()
        printing = asyncio.create_task(_print(channel, output, arrived))
        sending = asyncio.create_task(_send_lines(channel))
        try:
            await asyncio.wait([printing, sending], return_when=asyncio.FIRST_COMPLETED)
            if printing.done():
                output.event("closed", f"{connection.peer_id} has left.", peer_id=connection.peer_id)
                printing.result()
                return
            sending.result()
            if not os.isatty(0):
                await _until_quiet(arrived, printing)
        finally:
            for task in (printing, sending):
                task.cancel()
            await asyncio.wait([printing, sending])


async def _print(channel: Channel, output: Output, arrived: asyncio.Event) -> None:
    async for message in channel:
        arrived.set()
        text = message if isinstance(message, str) else f"({len(message):,} bytes)"
        output.event("message", f"{channel.peer_id}: {text}", peer_id=channel.peer_id, text=text)


async def _send_lines(channel: Channel) -> None:
    async for line in input_lines():
        await channel.send(line)


async def _until_quiet(arrived: asyncio.Event, printing: asyncio.Task[None]) -> None:
    with contextlib.suppress(TimeoutError):
        while not printing.done():
            arrived.clear()
            async with asyncio.timeout(LINGER_S):
                await arrived.wait()

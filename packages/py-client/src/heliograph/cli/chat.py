"""`heliograph chat`."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator

from heliograph.channels.channel import Channel
from heliograph.cli.options import RoomOptions
from heliograph.cli.output import Output
from heliograph.cli.peer import connected
from heliograph_protocol.datachannel import CHAT_LABEL

__all__ = ["chat"]

LINGER_S = 1.0
"""When the lines came from a pipe: how long it must be quiet after the last one before the chat ends."""
READ_BYTES = 4096
MAX_UNSENT_LINES = 64


async def chat(where: RoomOptions, peer: str | None, *, as_json: bool) -> None:
    """Send each line of standard input, print each message that comes, until either side ends."""
    output = Output(as_json=as_json)
    async with connected(where, peer) as connection:
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
            if not sys.stdin.isatty():
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
    async for line in _lines():
        await channel.send(line)


async def _until_quiet(arrived: asyncio.Event, printing: asyncio.Task[None]) -> None:
    with contextlib.suppress(TimeoutError):
        while not printing.done():
            arrived.clear()
            async with asyncio.timeout(LINGER_S):
                await arrived.wait()


async def _lines() -> AsyncIterator[str]:
    """The lines of standard input.

    A thread reads the bare descriptor: every kind of standard input can be read so, and a thread that still waits in a
    read when the program ends holds no lock that the interpreter wants.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue(MAX_UNSENT_LINES)
    stopped = threading.Event()

    def hand_over(line: str | None) -> None:
        if not stopped.is_set():
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    def read() -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        rest = ""
        while not stopped.is_set() and (data := os.read(0, READ_BYTES)):
            *whole, rest = (rest + decoder.decode(data)).split("\n")
            for line in whole:
                hand_over(line)
        if rest:
            hand_over(rest)
        hand_over(None)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    try:
        while (line := await lines.get()) is not None:
            yield line
    finally:
        stopped.set()

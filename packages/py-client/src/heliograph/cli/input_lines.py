"""The lines of standard input."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import logging
import os
import threading
from collections.abc import AsyncIterator

__all__ = ["input_lines"]

log = logging.getLogger(__name__)

READ_BYTES = 4096
MAX_UNSENT_LINES = 64


async def input_lines() -> AsyncIterator[str]:
    """The lines of standard input. One that cannot be read, as that of a terminal that is gone, has come to its end.

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
        try:
            while not stopped.is_set() and (data := os.read(0, READ_BYTES)):
                *whole, rest = (rest + decoder.decode(data)).split("\n")
                for line in whole:
                    hand_over(line)
        except OSError as error:
            log.info("input.unreadable reason=%s", error)
        finally:
            if rest:
                hand_over(rest)
            hand_over(None)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    try:
        while (line := await lines.get()) is not None:
            yield line
    finally:
        stopped.set()

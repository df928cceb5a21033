"""A terminal for a command: what it shows there, and what is typed."""

import asyncio
import errno
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

__all__ = ["Screen", "terminal"]

ROWS, COLUMNS = 40, 150
SHOWS_TIMEOUT_S = 30
READ_BYTES = 65_536
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen:
    """What was written to a terminal, without colors and cursor movements."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._seen = 0
        self.raw = ""
        self.changed = asyncio.Event()

    @property
    def text(self) -> str:
        """All that was ever written."""
        return _CONTROL.sub("", self.raw)

    async def shows(self, words: str) -> None:
        """Wait until the words are written after those that were waited for before."""
        async with asyncio.timeout(SHOWS_TIMEOUT_S):
            while (at := self.text.find(words, self._seen)) < 0:
                self.changed.clear()
                await self.changed.wait()
        self._seen = at + len(words)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._descriptor, text.encode())

    def take(self) -> None:
        """Something can be read."""
        try:
            self.raw += os.read(self._descriptor, READ_BYTES).decode(errors="replace")
        except OSError as error:
            if error.errno != errno.EIO:  # nobody has the other side open any more
                raise
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self.changed.set()


@asynccontextmanager
async def terminal(program: Callable[..., Any], *arguments: str) -> AsyncIterator[tuple[Any, Screen]]:
    """Run the command in a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen = Screen(ours)
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, screen.take)
    try:
        async with program("-m", "heliograph", *arguments, terminal=theirs, TERM="xterm-256color") as process:
            yield process, screen
    finally:
        loop.remove_reader(ours)
        os.close(theirs)
        os.close(ours)

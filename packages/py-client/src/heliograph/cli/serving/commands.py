"""Commands of the operating system as methods: one process a job, its output streamed to the caller.

No shell is involved, and nothing of what the caller sends becomes part of the command line: the arguments of the call
are a JSON object on the command's standard input.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from heliograph.cli.serving.execution import Execution, Part
from heliograph.cli.serving.jobs import Jobs
from heliograph.errors import ConfigurationError
from heliograph.peer.connection import Connection
from heliograph.rpc.errors import RpcError

__all__ = ["COMMAND_FAILED", "command_handler", "split_command"]

COMMAND_FAILED = "COMMAND_FAILED"
"""The code of the error that a caller gets when the command did not end with 0."""
KILLED = 128
"""Added to a signal's number it is the exit code, as shells have it."""


def split_command(line: str) -> tuple[str, ...]:
    """The words of a command line, quoted as for a shell. Raises `ConfigurationError` if it cannot be run."""
    if sys.platform == "win32":
        raise ConfigurationError("--exec needs process groups, which Windows has not")
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ConfigurationError(f"{line!r} cannot be taken apart: {error}") from error
    if not words:
        raise ConfigurationError("there is no command")
    if shutil.which(words[0]) is None:
        raise ConfigurationError(f"there is no program {words[0]!r}")
    return tuple(words)


def command_handler(method: str, words: tuple[str, ...], jobs: Jobs) -> Callable[..., AsyncIterator[Part]]:
    """The handler that runs the command once a call."""

    async def run(heliograph_caller: Connection, **arguments: Any) -> AsyncIterator[Part]:
        async with jobs.job(method, heliograph_caller.peer_id) as job:
            about = {
                "HELIOGRAPH_CALLER": heliograph_caller.peer_id,
                "HELIOGRAPH_JOB": str(job.number),
                "HELIOGRAPH_METHOD": method,
            }
            execution = Execution(words, stdin=msgspec.json.encode(arguments), environment={**os.environ, **about})
            async with execution:
                async for part in execution.output():
                    yield part
                code = await execution.wait()
                job.exit_code = code if code >= 0 else KILLED - code
                yield {"exit_code": job.exit_code}
            if code:
                why = f"ended with exit code {code}" if code > 0 else f"was killed by {signal.Signals(-code).name}"
                raise RpcError(f"The command {why}", code=COMMAND_FAILED)

    return run

"""Running the `heliograph` command in tests."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

__all__ = ["Program", "output", "until_event", "worker"]

Program = Callable[..., Any]

TIMEOUT_S = 60


async def output(program: Program, *arguments: str, stdin: bytes = b"", **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    async with program("-m", "heliograph", *arguments, **environment) as process, asyncio.timeout(TIMEOUT_S):
        out, err = await process.communicate(stdin)
        return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def worker(program: Program, *arguments: str, **environment: str) -> AsyncIterator[tuple[Any, dict[str, Any]]]:
    """A running `heliograph worker --json`, and its `ready` event."""
    async with program("-m", "heliograph", "worker", "--json", *arguments, **environment) as process:
        async with asyncio.timeout(TIMEOUT_S):
            ready = json.loads(await process.stdout.readline())
        assert ready["event"] == "ready"
        yield process, ready


async def until_event(process: Any, name: str) -> dict[str, Any]:
    """The next event of that name that a command with `--json` tells."""
    async with asyncio.timeout(TIMEOUT_S):
        while line := await process.stdout.readline():
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name:
                return event
    raise AssertionError(f"The command ended without {name}: {(await process.stderr.read()).decode()}")

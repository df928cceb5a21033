"""Processes that tests look at from outside."""

import asyncio
from pathlib import Path

__all__ = ["gone", "is_alive"]

GONE_TIMEOUT_S = 20


def is_alive(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def gone(pid: int) -> None:
    """Wait for the end of a process that is nobody's child here: no signal tells of it."""
    async with asyncio.timeout(GONE_TIMEOUT_S):
        while is_alive(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

"""A node that is about to end hands over what it has, a little at a time: so peers do not all come back at once."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from msgspec import Struct

__all__ = ["DRAIN_S", "PEERS_PER_S", "Step", "drain", "drain_s"]

DRAIN_S: Final = 5.0
"""The longest that a drain takes, however many peers there are."""

PEERS_PER_S: Final = 200
"""How many peers a second are sent to other nodes, if that is possible within `DRAIN_S`."""

WRITTEN_S: Final = 2.0
"""How long the last commits may take."""

_log = structlog.get_logger(__name__)


class Step(Struct, frozen=True):
    """One thing to hand over: a room with all who are in it, or a peer at a door. What it returns is to be awaited."""

    peers: int
    act: Callable[[], Awaitable[object] | None]


def drain_s(peers: int) -> float:
    """How long it takes to send so many peers away."""
    return min(DRAIN_S, peers / PEERS_PER_S)


async def drain(steps: list[Step], *, rng: random.Random) -> None:
    """Take all steps in random order, spread evenly over the time that their peers need."""
    rng.shuffle(steps)
    peers = sum(step.peers for step in steps)
    rate = max(PEERS_PER_S, math.ceil(peers / DRAIN_S))
    begun = asyncio.get_running_loop().time()
    sent, answers = 0, []
    for step in steps:
        answer = step.act()
        if answer is not None:
            answers.append(asyncio.ensure_future(answer))
        sent += step.peers
        await asyncio.sleep(max(0.0, begun + sent / rate - asyncio.get_running_loop().time()))
    if answers:
        done, late = await asyncio.wait(answers, timeout=WRITTEN_S)
        failed = [answer for answer in done if answer.exception() is not None]
        if late or failed:
            _log.warning("cluster.drain_incomplete", rooms=len(late) + len(failed))

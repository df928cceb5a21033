"""What happens to a cluster. Each fault returns once it is over, and says what it was."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from .nodes import Nodes

__all__ = ["EVERY", "EXACT", "Fault"]

Fault = Callable[[Nodes, random.Random], Awaitable[str]]

SHORT_S: Final = 1.5
"""A fault that nobody has drawn a conclusion from yet."""

LONG_S: Final = 8.0
"""Longer than the lease of a node: others have taken its rooms meanwhile."""


async def kill(nodes: Nodes, rng: random.Random) -> str:
    """A node dies that is home to as many rooms as any, and stays away."""
    rooms = await nodes.rooms()
    number = rng.choice([number for number, count in enumerate(rooms) if count == max(rooms)])
    await nodes.kill(number)
    return f"node {number} was killed, the home of {rooms[number]} of {sum(rooms)} rooms"


async def kill_two(nodes: Nodes, rng: random.Random) -> str:
    """Two nodes die at different times: so also one that has just taken the rooms of the other."""
    first, second = rng.sample(range(len(nodes.nodes)), 2)
    await nodes.kill(first)
    await asyncio.sleep(pause_s := rng.uniform(0, LONG_S))
    await nodes.kill(second)
    return f"node {first} was killed, and after {pause_s:.1f} s node {second}"


async def rotate(nodes: Nodes, rng: random.Random) -> str:
    """All nodes are restarted, one after the other, in random order."""
    order = rng.sample(range(len(nodes.nodes)), len(nodes.nodes))
    for number in order:
        await nodes.restart(number)
    return f"nodes were restarted: {order}"


async def lose_the_bus(nodes: Nodes, rng: random.Random) -> str:
    """The bus dies, and comes back without any memory."""
    nodes.redis.kill()
    await asyncio.sleep(pause_s := rng.choice((0.0, SHORT_S, LONG_S)))
    await nodes.redis.start()
    return f"the bus was away for {pause_s:g} s, and has forgotten everything"


async def stop_the_bus(nodes: Nodes, rng: random.Random) -> str:
    """The bus hangs for a while."""
    nodes.redis.pause()
    await asyncio.sleep(pause_s := rng.choice((SHORT_S, LONG_S)))
    nodes.redis.go_on()
    return f"the bus hung for {pause_s:g} s"


async def cut(nodes: Nodes, rng: random.Random) -> str:
    """A node is cut off from the bus, and notices at once."""
    return await _one(nodes, rng, nodes.cut, nodes.heal, "was cut off")


async def silence(nodes: Nodes, rng: random.Random) -> str:
    """A node is cut off from the bus, and nobody tells it."""
    return await _one(nodes, rng, nodes.silence, nodes.heal, "was cut off in silence")


async def stop(nodes: Nodes, rng: random.Random) -> str:
    """A node does nothing for a while: it is as if dead, and then goes on as if nothing had been."""
    every = nodes.nodes
    return await _one(nodes, rng, lambda n: every[n].pause(), lambda n: every[n].go_on(), "stood still")


async def _one(
    nodes: Nodes, rng: random.Random, begin: Callable[[int], None], end: Callable[[int], None], what: str
) -> str:
    """That happens to a node, for a while."""
    number, pause_s = rng.randrange(len(nodes.nodes)), rng.choice((SHORT_S, LONG_S))
    begin(number)
    await asyncio.sleep(pause_s)
    end(number)
    return f"node {number} {what} for {pause_s:g} s"


EVERY: Final[tuple[Fault, ...]] = (kill, kill_two, rotate, lose_the_bus, stop_the_bus, cut, silence, stop)

EXACT: Final[tuple[Fault, ...]] = (kill, kill_two, rotate)
"""After these nobody has lost a session, and every message has arrived: there is nothing to tell."""

"""Nodes die, are restarted, cut off and stopped, and the bus with them, while many pairs exchange numbered messages.

Nobody loses anything and nobody sees anything twice, or whoever sent it was told; and after each fault all peers, all
nodes and the registry soon agree on who is there.
"""

import random
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from . import faults
from .crowd import Crowd, crowd
from .faults import Fault
from .nodes import running_nodes
from .scale import FULL, ROUNDS, SEED

PAIRS, A_ROOM = (200, 10) if FULL else (40, 5)
FINISH_S: Final = 60.0
PLANS: Final[dict[str, tuple[Fault, ...]]] = {"nodes": (faults.kill, faults.rotate)}
if FULL:
    PLANS["mixed"] = (faults.kill, faults.rotate, faults.cut, faults.lose_the_bus)
    PLANS.update((fault.__name__, (fault,) * ROUNDS) for fault in faults.EVERY)


@pytest.mark.timeout(540)
@pytest.mark.parametrize("plan", PLANS)
async def test_nobody_loses_anything(plan: str, tmp_path: Path) -> None:
    print(f"CHAOS_SEED={SEED}, {PAIRS} pairs")
    rng = random.Random(f"{SEED} {plan}")
    async with running_nodes(tmp_path, rng) as nodes, crowd(nodes, PAIRS, A_ROOM, rng) as everyone:
        exact = True
        for fault in PLANS[plan]:
            exact = exact and fault in faults.EXACT
            said = await fault(nodes, rng)
            print(f"{said}: all agree after {await everyone.agree():.1f} s")
            for number, node in enumerate(nodes.nodes):
                if not node.running:
                    await nodes.start(number)
            await everyone.agree()
            if exact and not nodes.lost_the_bus:  # as they may by themselves, on a machine that is far too busy
                assert told(everyone) == ({}, 0)
        await everyone.finish(FINISH_S)
        codes, lost = told(everyone)
        print(f"{sum(pair.sender.said for pair in everyone.pairs)} messages; told of {codes}; {lost} sessions lost")
        assert everyone.wrongs() == []
        assert nodes.complaints() == []


def told(everyone: Crowd) -> tuple[dict[str, int], int]:
    """What senders were told of, and how often a peer's session was gone when it came back."""
    codes = Counter(code for pair in everyone.pairs for code in pair.sender.told.values())
    return dict(codes), sum(peer.lost_sessions for peer in everyone.peers)

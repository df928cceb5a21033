"""Nodes die, are restarted, cut off and stopped, and the bus with them, while many pairs exchange numbered messages.

Nobody loses anything and nobody sees anything twice, or whoever sent it was told; and after each fault all peers, all
nodes and the registry soon agree on who is there.
"""

import random
from collections import Counter
from pathlib import Path

import pytest

from . import faults
from .crowd import crowd
from .nodes import running_nodes
from .scale import FULL, ROUNDS, SEED

PAIRS, A_ROOM = (200, 10) if FULL else (40, 5)
FINISH_S = 30.0


@pytest.mark.timeout(540)
@pytest.mark.parametrize("fault", faults.EVERY, ids=lambda fault: fault.__name__)
async def test_nobody_loses_anything(fault: faults.Fault, tmp_path: Path) -> None:
    print(f"CHAOS_SEED={SEED}")
    rng = random.Random(f"{SEED} {fault.__name__}")
    async with running_nodes(tmp_path, rng) as nodes, crowd(nodes, PAIRS, A_ROOM, rng) as everyone:
        for _ in range(ROUNDS):
            said = await fault(nodes, rng)
            print(f"{said}: all agree after {await everyone.agree():.1f} s")
            for number, node in enumerate(nodes.nodes):
                if not node.running:
                    await nodes.start(number)
            await everyone.agree()
        await everyone.finish(FINISH_S)
        senders = [pair.sender for pair in everyone.pairs]
        print(
            f"{sum(sender.said for sender in senders)} messages, "
            f"told of {dict(Counter(code for sender in senders for code in sender.told.values()))}, "
            f"{sum(len(sender.unknown) for sender in senders)} unknown, "
            f"{sum(peer.lost_sessions for peer in everyone.peers)} sessions lost"
        )
        assert everyone.wrongs() == []
        assert nodes.complaints() == []

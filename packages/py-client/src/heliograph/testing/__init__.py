"""Peers without a server, and a network that fails on demand: for tests of what is built on this package.

```python
async def test_adding():
    async with heliograph.testing.connected(worker) as connection:  # `worker` as in production, without its server
        assert await connection.call("add", 1, 2) == 3
```

- `connected(worker)` connects a client to a `Worker`, `pair()` two peers to each other: real WebRTC over this machine's
  network, with signaling in memory.
- `Faults` drop, delay, duplicate and reorder signals by chance, the same way for the same seed.
- `MemoryRoom` is the signaling itself: `cut` takes a peer's signaling away, `rewrite` changes single signals.
- `cut_path(connection)` is a pulled cable: nothing of the connection arrives any more, and nobody is told.
- `impair_path(connection, faults)` is a bad network: datagrams of the connection are lost, late, doubled or overtaken.

Nothing here needs pytest, and everything works under it, with any plugin that runs `async def` tests on asyncio.
"""

from heliograph.testing.faults import Faults
from heliograph.testing.impairment import PathImpairment, impair_path
from heliograph.testing.path import PathCut, cut_path
from heliograph.testing.peers import connected, pair
from heliograph.testing.room import MemoryRoom, MemorySignaling

__all__ = [
    "Faults",
    "MemoryRoom",
    "MemorySignaling",
    "PathCut",
    "PathImpairment",
    "connected",
    "cut_path",
    "impair_path",
    "pair",
]

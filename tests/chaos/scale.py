"""How much of it there is: all, as `nox -s cluster` runs it, or the short form of every day."""

import os
import time
from typing import Final

from server_cluster import FULL

__all__ = ["AGREE_S", "CALL_S", "FULL", "RESUME_WINDOW_S", "ROUNDS", "SEED"]

SEED: Final = int(os.environ.get("CHAOS_SEED") or (time.time() if FULL else 20_261_128))
"""Of all that is left to chance. It is printed, and the same one gives the same faults and the same choices."""

ROUNDS: Final = int(os.environ.get("CHAOS_ROUNDS", "1"))

AGREE_S: Final = 10.0 if FULL else 40.0
"""Within this after a fault everyone agrees. The short form runs beside other tests, and is not about time."""

CALL_S: Final = 1.0 if FULL else 10.0
"""A call goes from peer to peer: no restart makes it slower than that."""

RESUME_WINDOW_S: Final = 30 if FULL else 120
"""How long a peer may stay away."""

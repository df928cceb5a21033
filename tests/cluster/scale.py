"""How much of it there is: all, as `nox -s cluster` runs it, or the short form of every day."""

import os
import time
from typing import Final

__all__ = ["FULL", "ROUNDS", "SEED"]

FULL: Final = os.environ.get("CLUSTER_TESTS") == "full"

SEED: Final = int(os.environ.get("CHAOS_SEED") or (time.time() if FULL else 20_261_128))
"""Of all that is left to chance. It is printed, and the same one gives the same faults and the same choices."""

ROUNDS: Final = int(os.environ.get("CHAOS_ROUNDS", "1"))

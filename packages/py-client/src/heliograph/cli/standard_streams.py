"""Standard input, output and error, where whoever started the program has closed them."""

from __future__ import annotations

import os
import sys

__all__ = ["open_closed_streams"]

HIGHEST = 2


def open_closed_streams() -> None:
    """Open the null device as each of them that is closed.

    Otherwise the next descriptors that anything opens, an event loop's among them, would have their numbers.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= HIGHEST:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115

"""Counts that are the same on every machine: how often functions of this project are called."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

__all__ = ["OURS", "Calls", "counted"]

OURS: Final = ("heliograph_server", "heliograph_protocol")


class Calls:
    """How often functions of this project were called."""

    def __init__(self) -> None:
        self.by_name: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return self.by_name.total()

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and any(name in frame.f_code.co_filename for name in OURS):
            self.by_name[frame.f_code.co_name] += 1


@contextmanager
def counted() -> Iterator[Calls]:
    """Count in this thread, which is the event loop's, until the block ends."""
    calls = Calls()
    sys.setprofile(calls.profile)
    try:
        yield calls
    finally:
        sys.setprofile(None)

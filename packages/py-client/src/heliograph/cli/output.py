"""What commands write: lines for people, or JSON objects, one a line."""

from __future__ import annotations

import msgspec
from rich.console import Console

__all__ = ["Output", "console"]

console = Console(highlight=False, soft_wrap=True)


class Output:
    """Writes events either way; every line is flushed, so that a parent process sees it at once."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def event(self, event: str, words: str, **fields: object) -> None:
        """Write the words, or `{"event": …, …fields}`."""
        if self._as_json:
            words = msgspec.json.encode({"event": event, **fields}).decode()
        console.out(words, highlight=False)
        console.file.flush()

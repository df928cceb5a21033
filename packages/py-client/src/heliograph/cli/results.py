"""What a call brought, on standard output."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from heliograph.cli.output import Output, console, for_screen

__all__ = ["Results"]

STREAMS = ("stdout", "stderr")
EXIT_CODE = "exit_code"


class Results:
    """Prints results: texts as they are, other values as JSON, the output of commands where they wrote it."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._parts = 0

    def whole(self, value: Any) -> None:
        """The one result of a call. Nothing is printed of a method that gives none."""
        if self._out.as_json:
            self._out.quiet_event("result", value=value)
        elif value is not None:
            self._print(value)

    def part(self, value: Any) -> None:
        """One of several."""
        self._parts += 1
        if self._out.as_json:
            self._out.quiet_event("part", value=value)
            return
        match value:
            case {"stdout": str(text)} | {"stderr": str(text)} if len(value) == 1:
                self._pass_on(next(iter(value)), text)
            case {"exit_code": int()} if len(value) == 1:
                pass  # one that is not 0 is an error besides
            case _:
                self._print(value)

    def end(self) -> None:
        """There are no more."""
        self._out.quiet_event("end", parts=self._parts)

    def _print(self, value: Any) -> None:
        if isinstance(value, str):
            text = value
        else:
            encoded = msgspec.json.encode(value)
            text = (msgspec.json.format(encoded, indent=2) if console.is_terminal else encoded).decode()
        self._pass_on("stdout", text if text.endswith("\n") else f"{text}\n")

    @staticmethod
    def _pass_on(stream: str, text: str) -> None:
        file = sys.stdout if stream == "stdout" else sys.stderr
        file.write(for_screen(text) if file.isatty() else text)
        file.flush()

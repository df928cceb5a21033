"""What commands write: lines for people, or JSON objects, one a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["JSON_KEY", "VERBOSE_KEY", "Output", "console", "errors", "for_screen", "grid", "harmless", "screen"]

JSON_KEY, VERBOSE_KEY = "heliograph.json", "heliograph.verbose"
"""Where click's context keeps that these options came before the command's name."""

console = Console(highlight=False, soft_wrap=True)
screen = Console(highlight=False)
"""For what is laid out: tables and bars."""
errors = Console(stderr=True, highlight=False, soft_wrap=True)
waiting = Console(stderr=True, highlight=False)

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_HARMLESS_CONTROLS = re.compile(r"(\r|\x1b\[[0-9;]*m)")


def harmless(text: str) -> str:
    """Text of strangers for a terminal: what would steer it, or turn the reading direction, is spelled out."""
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def for_screen(text: str) -> str:
    """The same for what a command wrote: colors, and returns to the line's start, are part of it and do no harm."""
    return "".join(part if index % 2 else harmless(part) for index, part in enumerate(_HARMLESS_CONTROLS.split(text)))


def cell(text: str) -> str:
    """The same on one line and in one column."""
    return harmless(text).replace("\n", "\\n").replace("\t", "\\t")


class Output:
    """Writes events either way; every line is flushed, so that a parent process sees it at once."""

    def __init__(self, *, as_json: bool, verbose: bool = False) -> None:
        self.as_json = as_json
        self.verbose = verbose

    @property
    def is_live(self) -> bool:
        """Whether a person looks at it: bars and tables may be redrawn."""
        return console.is_terminal and not self.as_json

    def event(self, event: str, words: str, **fields: object) -> None:
        """Write the words, or `{"event": …, …fields}`."""
        self._write(self._json({"event": event, **fields}) if self.as_json else harmless(words))

    def quiet_event(self, event: str, **fields: object) -> None:
        """Tell programs that read JSON something that a person sees otherwise, or need not see."""
        if self.as_json:
            self._write(self._json({"event": event, **fields}))

    def status(self, words: str) -> AbstractContextManager[object]:
        """Show a person what is waited for, as long as it is."""
        if self.as_json or not errors.is_terminal or self.verbose:
            return nullcontext()
        return waiting.status(Text(harmless(words), style="dim"))

    def row(self, event: str, cells: Sequence[str], **fields: object) -> None:
        """Write one row of a list: with tabs between the cells, or as JSON."""
        self.event(event, "\t".join(cell(text) for text in cells), **fields)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table, for terminals."""
        screen.print(grid(columns, rows))

    def note(self, words: str) -> None:
        """Tell a person something beside the results; programs that read JSON do not get it."""
        if not self.as_json:
            errors.print(Text(harmless(words), style="dim"))

    def failure(self, words: str, *, hint: str | None, code: int, kind: str, reason: str | None = None) -> None:
        """Say on standard error why the command ends with this exit code: one sentence, details, a hint."""
        if self.as_json:
            fields: dict[str, object] = {
                "event": "error",
                "error": kind,
                "message": words,
                "hint": hint,
                "exit_code": code,
            }
            if reason:
                fields["code"] = reason
            errors.file.write(f"{self._json(fields)}\n")
            return
        sentence, *details = harmless(words).split("\n")
        errors.print(Text(f"heliograph: {sentence}", style="bold red"))
        for line in details:
            errors.print(Text(line, style="dim"))
        if hint is not None:
            errors.print(Text(f"Hint: {hint}", style="yellow"))

    def _write(self, line: str) -> None:
        if self.is_live:
            screen.print(Text(line), soft_wrap=True)  # above what is redrawn
            return
        console.file.write(f"{line}\n")  # as it is: rich would turn tabs into spaces
        console.file.flush()

    @staticmethod
    def _json(fields: dict[str, object]) -> str:
        return msgspec.json.encode(fields).decode()


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table without lines; what is too wide for the terminal is folded, never cut."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(text)) for text in row))
    return table

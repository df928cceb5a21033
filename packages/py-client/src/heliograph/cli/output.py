"""What commands write: lines for people, or JSON objects, one a line."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heliograph.files.names import sendable_name

__all__ = [
    "JSON_KEY",
    "VERBOSE_KEY",
    "Output",
    "console",
    "discard_output",
    "errors",
    "for_screen",
    "grid",
    "harmless",
    "screen",
]

log = logging.getLogger(__name__)

JSON_KEY, VERBOSE_KEY = "heliograph.json", "heliograph.verbose"
"""Where click's context keeps that these options came before the command's name."""

console = Console(highlight=False, soft_wrap=True)
screen = Console(highlight=False)
"""For what is laid out: tables and bars."""
errors = Console(stderr=True, highlight=False, soft_wrap=True)
waiting = Console(stderr=True, highlight=False)

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_HARMLESS_CONTROLS = re.compile(r"(\r|\x1b\[[0-9;]*m)")


def harmless(text: str) -> str:
    """Text of strangers for a terminal: what would steer it, or turn the reading direction, is spelled out.

    So is what is no Unicode.
    """
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
        self.may_be_lost = False
        """Whether what cannot be written is logged only: a command that serves others does so without readers too."""
        self._lost = False

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
        try:
            if self.is_live:
                screen.print(Text(line), soft_wrap=True)  # above what is redrawn
                return
            console.file.write(f"{line}\n")  # as it is: rich would turn tabs into spaces
            console.file.flush()
        except OSError as error:
            if not self.may_be_lost:
                raise
            if not self._lost:
                log.warning("output.lost reason=%s", error)
            self._lost = True
            if isinstance(error, BrokenPipeError):
                discard_output()

    @staticmethod
    def _json(fields: dict[str, object]) -> str:
        try:
            return msgspec.json.encode(fields).decode()
        except UnicodeEncodeError:  # the name of a file that is no UTF-8
            return msgspec.json.encode(_without_surrogates(fields)).decode()


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return sendable_name(value)
        case Mapping():
            return {key: _without_surrogates(each) for key, each in value.items()}
        case list() | tuple():
            return [_without_surrogates(each) for each in value]
        case _:
            return value


def discard_output() -> None:
    """Nobody reads standard output any more: what is still written goes to the null device, as at the program's end."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table without lines; what is too wide for the terminal is folded, never cut."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(text)) for text in row))
    return table

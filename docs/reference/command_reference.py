"""Writes the reference of the `heliograph` command from its help."""

from __future__ import annotations

from collections.abc import Iterator

import click

from heliograph.cli import main

__all__ = ["command_reference"]

COLUMNS = 110
PREAMBLE = """# The `heliograph` command

<!-- Written by `nox -s generate` from the command's help; a test fails until that has been run. -->

What each command's `--help` says. How they are used, the exit codes and the settings are in [cli.md](../cli.md).
"""


def command_reference() -> str:
    """The whole document."""
    lines = [PREAMBLE]
    for path, command, context in _commands("heliograph", main, None):
        text = "\n".join(line.rstrip() for line in click.unstyle(command.get_help(context)).splitlines())
        lines.append(f"## {path}\n\n```text\n{text}\n```\n")
    return "\n".join(lines)


def _commands(
    path: str, command: click.Command, parent: click.Context | None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    name = path.rpartition(" ")[2]
    context = command.context_class(
        command, info_name=name, parent=parent, terminal_width=COLUMNS, help_option_names=["-h", "--help"]
    )
    yield path, command, context
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            yield from _commands(f"{path} {each}", command.commands[each], context)

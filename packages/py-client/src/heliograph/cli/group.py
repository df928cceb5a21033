"""The command groups: help in sections, options before the command's name, wrong usage said as every failure is."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from heliograph.cli.output import JSON_KEY, VERBOSE_KEY, Output
from heliograph.cli.standard_streams import open_closed_streams

__all__ = ["Command", "Group"]

USAGE = 2
SHARED = {
    **dict.fromkeys(("url", "room", "token", "ice_server"), "Where"),
    **dict.fromkeys(("as_json", "verbose", "help"), "Output"),
}
"""The headings of options that several commands have."""
INTERRUPTED = 130


class _Formatter(click.HelpFormatter):
    def write_heading(self, heading: str) -> None:
        """Headings are bold where that can be seen, and wanted (no-color.org)."""
        wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        words = click.style(f"{heading}:", bold=True) if wanted else f"{heading}:"
        self.write(f"{'':>{self.current_indent}}{words}\n")


class _Context(click.Context):
    formatter_class = _Formatter


class Command(click.Command):
    """A command whose help has what is its own first, and then what it shares with others."""

    context_class = _Context

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in sections."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)) is not None:
                sections.setdefault(SHARED.get(param.name or "", "Options"), []).append(record)
        for heading in ("Options", *dict.fromkeys(SHARED.values())):
            if heading in sections:
                with formatter.section(heading):
                    formatter.write_dl(sections[heading])


class Group(click.Group):
    """A group whose help has its commands in `sections`: a heading, and the names in order."""

    context_class = _Context

    def __init__(self, *args: Any, sections: dict[str, tuple[str, ...]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections or {}
        self.params += [
            click.Option(
                ["--json", "as_json"],
                is_flag=True,
                expose_value=False,
                callback=_for_all(JSON_KEY),
                help="Write JSON, one object a line: also an option of each command.",
            ),
            click.Option(
                ["-v", "--verbose"],
                is_flag=True,
                expose_value=False,
                callback=_for_all(VERBOSE_KEY),
                help="Log what goes on to standard error; likewise.",
            ),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections, or one of all commands."""
        listed = self.sections or {"Commands": tuple(self.list_commands(ctx))}
        width = max(len(name) for names in listed.values() for name in names)
        limit = formatter.width - 6 - width
        for heading, names in listed.items():
            with formatter.section(heading):
                rows = [(name.ljust(width), self.commands[name].get_short_help_str(limit)) for name in names]
                formatter.write_dl(rows)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command and exit, unless `standalone_mode` is off."""
        arguments = list(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(arguments, prog_name, complete_var, standalone_mode=False, **extra)
        open_closed_streams()
        out = Output(as_json="--json" in arguments)
        try:
            code = super().main(arguments, prog_name, complete_var, standalone_mode=False, **extra)
        except click.Abort:  # Ctrl-C or the end of the input at a question
            sys.exit(INTERRUPTED)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(USAGE)
        except click.ClickException as error:
            path = "heliograph"
            if isinstance(error, click.UsageError) and error.ctx is not None:
                path = error.ctx.command_path
            words = error.format_message().rstrip(".")
            out.failure(words, hint=f"`{path} --help` says what there is.", code=USAGE, kind=type(error).__name__)
            sys.exit(USAGE)
        sys.exit(code if isinstance(code, int) else 0)


def _for_all(key: str) -> Any:
    """Keep that the option was given, for the command that is to come."""

    def remember(ctx: click.Context, _param: click.Parameter, given: bool) -> None:
        if given:
            ctx.meta[key] = True

    return remember

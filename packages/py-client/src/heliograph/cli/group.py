"""The command group: wrong usage is said as every other failure is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from heliograph.cli.output import Output

__all__ = ["Group"]

USAGE = 2
INTERRUPTED = 130


class Group(click.Group):
    """A group that writes its own error messages, as JSON where that was asked for."""

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

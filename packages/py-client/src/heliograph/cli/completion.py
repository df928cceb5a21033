"""`heliograph completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from heliograph.cli.group import Command
from heliograph.cli.output import Output
from heliograph.cli.where import output_options

__all__ = ["completion"]

PROGRAM = "heliograph"
VARIABLE = "_HELIOGRAPH_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command, short_help="Print a script that completes with the Tab key.")
@click.argument("shell", type=click.Choice(SHELLS))
@output_options
@click.pass_context
def completion(context: click.Context, /, *, shell: str, out: Output) -> None:
    """Print a script that completes commands and options with the Tab key.

    \b
    bash  heliograph completion bash > ~/.local/share/bash-completion/completions/heliograph
    zsh   heliograph completion zsh > "${fpath[1]}/_heliograph"
    fish  heliograph completion fish > ~/.config/fish/completions/heliograph.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"There is no completion for {shell}")
    script = kind(context.find_root().command, {}, PROGRAM, VARIABLE).source()
    if out.as_json:
        out.quiet_event("completion", shell=shell, script=script)
    else:
        click.echo(script)

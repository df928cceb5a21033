"""`heliograph completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

PROGRAM = "heliograph"
VARIABLE = "_HELIOGRAPH_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print a script that completes commands and options with the Tab key.

    \b
    bash  heliograph completion bash > ~/.local/share/bash-completion/completions/heliograph
    zsh   heliograph completion zsh > "${fpath[1]}/_heliograph"
    fish  heliograph completion fish > ~/.config/fish/completions/heliograph.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"There is no completion for {shell}")
    click.echo(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source())

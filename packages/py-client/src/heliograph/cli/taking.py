"""What commands that take files have in common: options, and what is told of a file that did not arrive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from heliograph.cli.output import Output
from heliograph.cli.sizes import SIZE
from heliograph.errors import TransferError
from heliograph.files.offer import FileOffer

__all__ = ["name_of", "taking_options", "tell_not_arrived"]


def taking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --existing and --max-size; the command gets `existing` and `max_bytes`."""
    for option in (
        click.option(
            "--max-size", "max_bytes", type=SIZE, help="Refuse larger files: 500M, 2GiB.  [default: no limit]"
        ),
        click.option(
            "--existing",
            type=click.Choice(["rename", "replace", "refuse"]),
            default="rename",
            show_default=True,
            help="What becomes of a file whose name is taken: `a (1).bin`, or in its place, or it is refused.",
        ),
    ):
        command = option(command)
    return command


def name_of(offer: FileOffer) -> str:
    """The file's name with its folders."""
    return "/".join((*offer.folder, offer.name))


def tell_not_arrived(out: Output, peer_id: str, name: str | None, error: TransferError) -> None:
    """Tell of a file whose name is known if it was offered."""
    words = f"{name or 'A file'} of {peer_id} did not arrive: {error}"
    out.event("file_failed", words, peer_id=peer_id, name=name, code=error.code, message=str(error))

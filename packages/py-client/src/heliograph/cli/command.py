"""The command group, and what each command takes."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click

from heliograph.cli import chat as chat_command
from heliograph.cli import room as room_command
from heliograph.cli import send as send_command
from heliograph.cli import worker as worker_command
from heliograph.cli.options import RoomOptions, json_option, room_options, url_option, verbose_option
from heliograph.cli.run import EXIT_CODES, run
from heliograph.worker import MAX_CLIENTS

__all__ = ["main"]


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("heliograph"), prog_name="heliograph")
def main() -> None:
    """Direct WebRTC data channels between workers and clients.

    Room and token may also come as a room link: --url 'http://host:8001/#room=…&token=…'
    """


@main.group()
def room() -> None:
    """Rooms."""


@room.command("create")
@url_option
@json_option
@verbose_option
def room_create(*, url: str | None, as_json: bool, verbose: bool) -> None:
    """Create a room and print its id, token and link."""
    run(lambda: room_command.create(url, as_json=as_json), until_stopped=False, verbose=verbose)


@main.command()
@room_options
@click.option("--peer-id", help="This worker's id in the room.  [default: Worker-…]")
@click.option("--name", help="What it calls itself in its own output.  [default: the peer id]")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Save received files in this directory. Without it they are hashed and forgotten.",
)
@click.option("--max-clients", type=click.IntRange(min=1), default=MAX_CLIENTS, show_default=True)
@json_option
@verbose_option
def worker(
    *,
    where: RoomOptions,
    peer_id: str | None,
    name: str | None,
    into: Path | None,
    max_clients: int,
    as_json: bool,
    verbose: bool,
) -> None:
    """Serve clients until interrupted: echo chat messages, answer files with their SHA-256.

    Without a room it creates one and prints the link to it.
    """
    options = worker_command.WorkerOptions(where=where, peer_id=peer_id, name=name, into=into, max_clients=max_clients)
    run(lambda: worker_command.serve(options, as_json=as_json), until_stopped=True, verbose=verbose)


@main.command()
@room_options
@click.option("--peer", help="Whom to chat with.  [default: the only other peer in the room]")
@json_option
@verbose_option
def chat(*, where: RoomOptions, peer: str | None, as_json: bool, verbose: bool) -> None:
    """Chat with a peer: each line is a message. Ends with Ctrl-D or Ctrl-C."""
    run(lambda: chat_command.chat(where, peer, as_json=as_json), until_stopped=True, verbose=verbose)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@room_options
@click.option("--peer", help="Whom to send it to.  [default: the only other peer in the room]")
@json_option
@verbose_option
def send(*, file: Path, where: RoomOptions, peer: str | None, as_json: bool, verbose: bool) -> None:
    """Send a file to a peer and wait until it has confirmed the checksum."""
    run(lambda: send_command.send(where, file, peer, as_json=as_json), until_stopped=False, verbose=verbose)

"""The command group."""

from __future__ import annotations

from importlib.metadata import version

import click

from heliograph.cli.call import call
from heliograph.cli.chat import chat
from heliograph.cli.completion import completion
from heliograph.cli.doctor import doctor
from heliograph.cli.failures import EXIT_CODES_HELP
from heliograph.cli.group import Group
from heliograph.cli.login import login, logout
from heliograph.cli.peers import peers
from heliograph.cli.receive import receive
from heliograph.cli.room import room
from heliograph.cli.send import send
from heliograph.cli.settings import SETTINGS_HELP
from heliograph.cli.worker import worker

__all__ = ["main"]

SECTIONS = {
    "Files and words": ("send", "receive", "chat"),
    "Work": ("worker", "call", "peers"),
    "Rooms": ("room", "login", "logout"),
    "This machine": ("doctor", "completion"),
}


@click.group(
    cls=Group,
    sections=SECTIONS,
    epilog=f"{SETTINGS_HELP}\n\n{EXIT_CODES_HELP}",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(version("heliograph"), prog_name="heliograph")
def main() -> None:
    """Direct WebRTC data channels between workers and clients.

    \b
    Send a file:       heliograph send photo.jpg
    Serve a function:  heliograph worker jobs:train
    Call it:           heliograph call train steps:=100 --url 'http://host:8001/#room=…&token=…'

    Peers meet in a room of a signaling server. Its link has everything that it takes to get in; `send`, `receive` and
    `worker` make a room if they are given none.
    """


for command in (login, logout, room, peers, worker, call, chat, send, receive, doctor, completion):
    main.add_command(command)

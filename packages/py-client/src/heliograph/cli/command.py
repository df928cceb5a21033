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
from heliograph.cli.worker import worker

__all__ = ["main"]


@click.group(
    cls=Group,
    epilog=EXIT_CODES_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(version("heliograph"), prog_name="heliograph")
def main() -> None:
    """Direct WebRTC data channels between workers and clients.

    Room and token may also come as a room link: --url 'http://host:8001/#room=…&token=…'. Options win over the
    environment, and that wins over the configuration file, which is where `heliograph doctor` says.
    """


for command in (login, logout, room, peers, worker, call, chat, send, receive, doctor, completion):
    main.add_command(command)

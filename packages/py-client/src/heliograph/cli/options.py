"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
import msgspec

from heliograph.errors import ConfigurationError
from heliograph.peer.ice_servers import IceServer

__all__ = ["RoomOptions", "json_option", "room_options", "url_option", "verbose_option"]

url_option = click.option(
    "--url",
    "--server",
    help="The server's address, or a room link.  [env: HELIOGRAPH_URL; default: http://127.0.0.1:8001]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, one object a line.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Log what goes on to standard error.")


@dataclass(frozen=True, slots=True)
class RoomOptions:
    """Where to go, and how to get through."""

    url: str | None
    room: str | None
    token: str | None
    ice_servers: tuple[IceServer, ...] | None


def room_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --url, --room, --token and --ice-server; the command gets them as the one argument `where`."""

    @functools.wraps(command)
    def gathered(
        *, url: str | None, room: str | None, token: str | None, ice_server: tuple[str, ...], **others: Any
    ) -> None:
        try:
            servers = tuple(_ice_server(value) for value in ice_server)
        except ConfigurationError as error:
            raise click.BadParameter(str(error), param_hint="--ice-server") from error
        command(where=RoomOptions(url=url, room=room, token=token, ice_servers=servers or None), **others)

    options = (
        url_option,
        click.option("--room", help="The room's id.  [env: HELIOGRAPH_ROOM]"),
        click.option("--token", help="The room's token; an argument is seen by all users.  [env: HELIOGRAPH_TOKEN]"),
        click.option(
            "--ice-server",
            multiple=True,
            help="stun:host:port, or JSON with urls, username and credential. Repeatable.  [default: the server's]",
        ),
    )
    decorated: Callable[..., None] = gathered
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def _ice_server(value: str) -> IceServer:
    if not value.lstrip().startswith("{"):
        return IceServer.of(value)
    try:
        return IceServer.of(msgspec.json.decode(value, type=dict[str, object]))
    except msgspec.DecodeError as error:
        raise ConfigurationError(str(error)) from error

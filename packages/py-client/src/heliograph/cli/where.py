"""Where a command goes, as whom, and how it gets through."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click

from heliograph.api import Api
from heliograph.cli.identities import Identities
from heliograph.cli.output import JSON_KEY, VERBOSE_KEY, Output
from heliograph.cli.settings import Chosen, choose, ice_server, layers
from heliograph.config import ServerAddress
from heliograph.errors import ApiError, ConfigurationError
from heliograph.peer.ice_servers import IceServer
from heliograph.signaling.identity import IdTokenSource

__all__ = ["Where", "output_options", "room_options", "server_options"]


@dataclass(frozen=True, slots=True)
class Where:
    """The server, the room if one is known, the identity if there is one, and the ICE servers if not the server's."""

    chosen: Chosen
    id_token: str | None = field(repr=False)
    stored: bool = False
    """Whether `heliograph login` has stored it."""
    expired: str | None = None
    """Whose stored identity has expired, if it is for want of another one that there is none."""

    @property
    def address(self) -> ServerAddress:
        """The server."""
        return self.chosen.address

    @property
    def url(self) -> str:
        """The server's HTTP address."""
        return self.address.http_url

    @property
    def room(self) -> str | None:
        """The room's id."""
        return self.chosen.text("room")

    @property
    def ice_servers(self) -> tuple[IceServer, ...] | None:
        """The ICE servers, or None for those that the server names."""
        return self.chosen.ice_servers

    @property
    def identity(self) -> str:
        """The id token, for what only somebody known may do. Raises `ConfigurationError` without one."""
        if self.id_token is None:
            why = (
                f"The login of {self.expired} at {self.url} has expired"
                if self.expired
                else f"Nobody is logged in at {self.url}"
            )
            raise ConfigurationError(f"{why}: `heliograph login` comes first")
        return self.id_token

    @property
    def lasting_identity(self) -> str | IdTokenSource | None:
        """The identity for what may run longer than an id token lasts: the stored one is renewed in time."""
        if self.id_token is None or not self.stored:
            return self.id_token
        return functools.partial(Identities().lasting, self.url)

    async def admission(self) -> tuple[str, str]:
        """The room and its token; to who created the room the server gives the token. Raises `ConfigurationError`."""
        room, token = self.room, self.chosen.text("token")
        if room and not token and self.id_token is not None:
            async with Api(self.url) as api:
                try:
                    token = (await api.room(room, id_token=self.id_token)).token
                except ApiError:
                    token = None
        if not room:
            raise ConfigurationError("No room: give --room and a token, or a room link as --url")
        if not token:
            raise ConfigurationError(f"No token for room {room}: set HELIOGRAPH_TOKEN, or give a room link as --url")
        return room, token


Command = Callable[..., None]

_output_options = (
    click.option("--json", "as_json", is_flag=True, help="Write JSON, one object a line."),
    click.option("-v", "--verbose", is_flag=True, help="Log what goes on to standard error."),
)
_server_options = (
    click.option(
        "--url",
        "--server",
        metavar="URL",
        help="The server's address, or a room link.  [env: HELIOGRAPH_URL; default: http://127.0.0.1:8001]",
    ),
)
_room_options = (
    *_server_options,
    click.option("--room", metavar="ID", help="The room's id.  [env: HELIOGRAPH_ROOM]"),
    click.option(
        "--token",
        metavar="TOKEN",
        help="The room's token; an argument is seen by all users of this machine.  [env: HELIOGRAPH_TOKEN]",
    ),
    click.option(
        "--ice-server",
        "ice_server",
        metavar="SERVER",
        multiple=True,
        help="stun:host:port, or JSON with urls, username and credential. Repeatable.  "
        "[env: HELIOGRAPH_ICE_SERVERS; default: the server's]",
    ),
)


def output_options(command: Command) -> Command:
    """Add --json and --verbose; the command gets an `out`."""

    @functools.wraps(command)
    def gathered(*, as_json: bool, verbose: bool, **others: Any) -> None:
        before = click.get_current_context().meta
        out = Output(as_json=as_json or JSON_KEY in before, verbose=verbose or VERBOSE_KEY in before)
        command(out=out, **others)

    return _decorated(gathered, _output_options)


def server_options(command: Command) -> Command:
    """Add --url; the command gets it as `where`."""

    @functools.wraps(command)
    def gathered(*, url: str | None, **others: Any) -> None:
        command(where=_where({"url": url}), **others)

    return _decorated(gathered, _server_options)


def room_options(command: Command) -> Command:
    """Add --url, --room, --token and --ice-server; the command gets them as `where`."""

    @functools.wraps(command)
    def gathered(
        *, url: str | None, room: str | None, token: str | None, ice_server: tuple[str, ...], **others: Any
    ) -> None:
        options = {"url": url, "room": room, "token": token, "ice_servers": _ice_servers(ice_server)}
        command(where=_where(options), **others)

    return _decorated(gathered, _room_options)


def _where(options: dict[str, Any]) -> Where:
    try:
        chosen = choose(options, layers())
        given = chosen.text("id_token")
        stored = None if given else Identities().get(chosen.address.http_url)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error
    if stored is not None and stored.has_expired():
        return Where(chosen, None, expired=stored.username)
    return Where(chosen, given or (stored.id_token if stored else None), stored=stored is not None)


def _ice_servers(values: tuple[str, ...]) -> tuple[IceServer, ...] | None:
    try:
        return tuple(ice_server(value) for value in values) or None
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="--ice-server") from error


def _decorated(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command

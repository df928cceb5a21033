"""What the command is set to, by options, the environment and a file, in this order.

The file is TOML; where it is depends on the platform, `HELIOGRAPH_CONFIG` names another one. Its keys are the names of
the `SETTINGS`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from heliograph.config import DEFAULT_URL, ServerAddress
from heliograph.errors import ConfigurationError
from heliograph.peer.ice_servers import IceServer
from heliograph.unreadable import UNREADABLE

__all__ = [
    "CONFIG_VARIABLE",
    "SETTINGS",
    "SETTINGS_HELP",
    "Chosen",
    "Layer",
    "Setting",
    "choose",
    "config_path",
    "ice_server",
    "layers",
]

CONFIG_VARIABLE = "HELIOGRAPH_CONFIG"
DEFAULT_SOURCE = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name in the file, its variable, and what it is."""

    name: str
    variable: str
    summary: str


SETTINGS = (
    Setting("url", "HELIOGRAPH_URL", "the server's address, or a room link"),
    Setting("room", "HELIOGRAPH_ROOM", "the room's id"),
    Setting("token", "HELIOGRAPH_TOKEN", "the room's token, or a join token"),
    Setting("id_token", "HELIOGRAPH_ID_TOKEN", "the identity, in the place of the one that `login` stored"),
    Setting("ice_servers", "HELIOGRAPH_ICE_SERVERS", "a list in the place of the server's: URLs, or tables"),
    Setting("into", "HELIOGRAPH_INTO", "where `receive` saves files"),
)

SETTINGS_HELP = "\n".join(
    [
        "\b",
        "Settings, in the environment or, by the name in brackets, in a TOML file:",
        *(f"  {setting.variable:<23} {setting.summary}  [{setting.name}]" for setting in SETTINGS),
        f"  {CONFIG_VARIABLE:<23} where the file is; without it where `heliograph doctor` says",
        "Options win over the environment, and that over the file.",
    ]
)


@dataclass(frozen=True, slots=True)
class Layer:
    """The settings that one source gives; those that it does not give are absent."""

    source: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chosen:
    """For each setting the value that counts, and which source it has it from."""

    values: Mapping[str, Any]
    sources: Mapping[str, str]

    @property
    def address(self) -> ServerAddress:
        """The server."""
        return ServerAddress.parse(self.values["url"])

    @property
    def ice_servers(self) -> tuple[IceServer, ...] | None:
        """The ICE servers, or None for those that the server names."""
        servers: tuple[IceServer, ...] | None = self.values.get("ice_servers")
        return servers

    def with_room(self, room: str, token: str) -> Chosen:
        """The same with a room that was just made."""
        made = {"room": room, "token": token}
        return Chosen({**self.values, **made}, {**self.sources, **dict.fromkeys(made, "just made")})

    def text(self, name: str) -> str | None:
        """A setting that is a string, if there is a value for it."""
        value = self.values.get(name)
        return None if value is None else str(value)


def config_path(environment: Mapping[str, str]) -> tuple[Path, bool]:
    """The file's place, and whether somebody named it: then it has to exist."""
    named = environment.get(CONFIG_VARIABLE, "")
    return (Path(named), True) if named else (Path(click.get_app_dir("heliograph")) / "config.toml", False)


def layers(environment: Mapping[str, str] | None = None) -> list[Layer]:
    """What the environment and the file give. Raises `ConfigurationError` for what cannot be used."""
    variables = os.environ if environment is None else environment
    path, named = config_path(variables)
    return [_from_environment(variables), _from_file(path, named=named)]


def choose(options: Mapping[str, Any], further: list[Layer]) -> Chosen:
    """Take each setting from the first layer that has it; a room link in `url` gives its layer room and token."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    given = {name: value for name, value in options.items() if value is not None}
    default = Layer(DEFAULT_SOURCE, {"url": DEFAULT_URL})
    for layer in (Layer("option", given), *further, default):
        for name, value in _with_link(layer).items():
            if name not in values:
                values[name], sources[name] = value, layer.source
    return Chosen(values, sources)


def ice_server(value: object) -> IceServer:
    """Take a URL, JSON of an RTCIceServer, or what JSON of one means. Raises `ConfigurationError`."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = msgspec.json.decode(value, type=dict[str, object])
        except UNREADABLE as error:
            raise ConfigurationError(str(error)) from error
    if not isinstance(value, str | dict):
        raise ConfigurationError("An ICE server is a URL, or a table with urls, username and credential")
    return IceServer.of(value)


def _with_link(layer: Layer) -> Mapping[str, Any]:
    if "url" not in layer.values:
        return layer.values
    try:
        address = ServerAddress.parse(layer.values["url"])
    except ConfigurationError as error:
        if layer.source == "option":
            raise
        raise ConfigurationError(f"{layer.source}: {error}") from error
    link = {"room": address.room_id, "token": address.token}
    return {name: value for name, value in link.items() if value} | dict(layer.values)


def _from_environment(variables: Mapping[str, str]) -> Layer:
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = variables.get(setting.variable, "").strip()
        if text:
            values[setting.name] = _read(setting, text, setting.variable)
    return Layer("environment", values)


def _from_file(path: Path, *, named: bool) -> Layer:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        if not named:
            return Layer(str(path), {})
        raise ConfigurationError(f"{CONFIG_VARIABLE} names {path}, and there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The configuration file {path} cannot be read: {error}") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is no TOML: {error}") from error
    known = {setting.name: setting for setting in SETTINGS}
    values = {}
    for name, value in table.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f": did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
            raise ConfigurationError(f"{path} has an unknown setting {name!r}{meant}")
        values[name] = _read(known[name], value, f"{path}: {name}")
    return Layer(str(path), values)


def _read(setting: Setting, value: object, where: str) -> Any:
    try:
        if setting.name == "ice_servers":
            return tuple(ice_server(each) for each in _listed(value))
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{where}: it has to be a text")
    return value


def _listed(value: object) -> list[object]:
    if isinstance(value, str) and value.startswith("["):
        try:
            return msgspec.json.decode(value, type=list[object])
        except UNREADABLE as error:
            raise ConfigurationError(str(error)) from error
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list):
        return value
    raise ConfigurationError("it has to be a list")

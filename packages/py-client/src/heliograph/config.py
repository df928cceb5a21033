"""Where the server is: an address given by the caller, or the environment, read once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import parse_qs, urlsplit, urlunsplit

from heliograph.errors import ConfigurationError

__all__ = ["DEFAULT_URL", "ServerAddress", "Settings", "is_host_name", "random_peer_id", "settings"]

DEFAULT_URL = "http://127.0.0.1:8001"
_SCHEMES = {"http": ("http", "ws"), "https": ("https", "wss"), "ws": ("http", "ws"), "wss": ("https", "wss")}
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. Arguments, command-line options and room links win over it."""

    url: str = DEFAULT_URL
    room: str | None = None
    token: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read `HELIOGRAPH_URL`, `HELIOGRAPH_ROOM` and `HELIOGRAPH_TOKEN`.

        Raises `ConfigurationError` if the first is no server's address.
        """
        url = environment.get("HELIOGRAPH_URL", "").strip() or DEFAULT_URL
        try:
            ServerAddress.parse(url)
        except ConfigurationError as error:
            raise ConfigurationError(f"HELIOGRAPH_URL: {error}") from error
        room, token = environment.get("HELIOGRAPH_ROOM"), environment.get("HELIOGRAPH_TOKEN")
        return cls(url=url, room=room or None, token=token or None)


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings.from_environment(os.environ)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A server's HTTP address, the WebSocket address derived from it, and what a room link adds."""

    http_url: str
    websocket_url: str
    room_id: str | None = None
    token: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> ServerAddress:
        """Take `http://host:port`, the same with https, ws or wss, or a room link `…/#room=…&token=…`.

        Raises `ConfigurationError`.
        """
        try:
            parts = urlsplit(url)
            schemes = _SCHEMES.get(parts.scheme.lower())
            usable = bool(parts.hostname and is_host_name(parts.hostname) and parts.port != 0)
        except ValueError:  # a port that is no number, brackets that are not closed
            schemes, usable = None, False
        if schemes is None or not usable:
            raise ConfigurationError(f"{url!r} is not a server's address such as {DEFAULT_URL}")
        path = parts.path.rstrip("/").removesuffix("/ws")
        fragment = parse_qs(parts.fragment)
        return cls(
            http_url=urlunsplit((schemes[0], parts.netloc, path, "", "")),
            websocket_url=urlunsplit((schemes[1], parts.netloc, f"{path}/ws", "", "")),
            room_id=fragment.get("room", [None])[0],
            token=fragment.get("token", [None])[0],
        )

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine: then no proxy is asked."""
        return urlsplit(self.http_url).hostname in _LOOPBACK_HOSTS

    def room(self, room: str | None, token: str | None) -> tuple[str, str]:
        """The room's id and token, from the arguments, the link or the settings. Raises `ConfigurationError`."""
        room_id, room_token = room or self.room_id or settings().room, token or self.token or settings().token
        if not room_id or not room_token:
            missing = "room" if not room_id else "token"
            raise ConfigurationError(f"No {missing}: give `room` and `token`, or a room link as the address")
        return room_id, room_token


def is_host_name(host: str) -> bool:
    """Whether it can be looked up: no part of it is empty or over 63 characters, and all of it is Unicode."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def random_peer_id(prefix: str) -> str:
    """A peer id that nobody else has: `Worker-3f9a1c20`."""
    return f"{prefix}-{secrets.token_hex(4)}"

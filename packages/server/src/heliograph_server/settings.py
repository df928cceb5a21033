"""Settings: read once, from the environment and the command line, into one frozen object."""

import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

from msgspec import Struct

__all__ = ["HELP", "PREFIX", "Settings", "SettingsError", "load_settings"]

PREFIX: Final = "HELIOGRAPH_"

IdentityKind = Literal["local"]
RoomsKind = Literal["sqlite", "memory"]
TransportKind = Literal["asgi"]
LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that an operator can choose. Each field is `HELIOGRAPH_<NAME>` in the environment."""

    host: str = "127.0.0.1"
    http_port: int = 8001
    ws_port: int = 8080
    data_dir: Path = Path("heliograph-data")
    identity: IdentityKind = "local"
    rooms: RoomsKind = "sqlite"
    transport: TransportKind = "asgi"
    stun_urls: tuple[str, ...] = ()
    """Handed to the demo page. None by default: nothing outside is contacted unless the operator says so."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of web pages that may open a WebSocket or call over HTTP. None: any may open one, none may call."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) whose `X-Forwarded-For` is believed."""
    rate_limit: int = 100
    """Messages a second a connection; a burst of twice as many passes."""
    signin_limit: int = 60
    """Sign-ins and rooms a minute an address; 0 for no limit."""
    max_peers: int = 1000
    """Peers a room."""
    legacy_open_delete: bool = False
    """Let anyone delete any peer and room, as the original did."""
    log_format: LogFormat = "console"
    log_level: LogLevel = "info"


class SettingsError(Exception):
    """One or more settings are wrong; `problems` has a line for each, naming it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def load_settings(environ: Mapping[str, str], overrides: Mapping[str, str | None] | None = None) -> Settings:
    """Build the settings; every problem is reported together.

    `overrides` are the command line's, by field name, `None` for what was not given. Both hold strings.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name, text in environ.items():
        if not name.startswith(PREFIX):
            continue
        field = name.removeprefix(PREFIX).lower()
        if field in _PARSERS:
            values[field] = _parse(field, text, name, problems)
        elif name not in _NOT_OURS:
            problems.append(f"{name}: there is no such setting")
    for field, given in (overrides or {}).items():
        if given is not None:
            values[field] = _parse(field, given, "--" + field.replace("_", "-"), problems)
    if problems:
        raise SettingsError(sorted(problems))
    return Settings(**values)


_NOT_OURS: Final = frozenset({"HELIOGRAPH_URL", "HELIOGRAPH_ROOM", "HELIOGRAPH_TOKEN", "HELIOGRAPH_BROWSER"})
"""Read by the SDK's command and by the tests; a shell may well have them exported."""


def _parse(field: str, text: str, shown_as: str, problems: list[str]) -> Any:
    try:
        return _PARSERS[field](text)
    except ValueError as error:
        problems.append(f"{shown_as}={text!r}: {error}")
        return None


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"expected a whole number from {low} to {high}") from None
        if not low <= value <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return value

    return parse


def _one_of(choices: Any) -> Callable[[str], str]:
    names: tuple[str, ...] = get_args(choices)

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"expected {' or '.join(names)}")
        return text

    return parse


def _boolean(text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError("expected true or false")


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _networks(text: str) -> tuple[str, ...]:
    networks = _list(text)
    for network in networks:
        ipaddress.ip_network(network, strict=False)
    return networks


def _stun_urls(text: str) -> tuple[str, ...]:
    urls = _list(text)
    for url in urls:
        if not url.startswith(("stun:", "stuns:")):
            raise ValueError("expected stun: URLs, separated by commas")
    return urls


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


_PORT: Final = _integer(0, 65535)

_PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "host": _not_empty,
    "http_port": _PORT,
    "ws_port": _PORT,
    "data_dir": lambda text: Path(_not_empty(text)),
    "identity": _one_of(IdentityKind),
    "rooms": _one_of(RoomsKind),
    "transport": _one_of(TransportKind),
    "stun_urls": _stun_urls,
    "allowed_origins": _list,
    "trusted_proxies": _networks,
    "rate_limit": _integer(1, 1_000_000),
    "signin_limit": _integer(0, 1_000_000),
    "max_peers": _integer(1, 1_000_000),
    "legacy_open_delete": _boolean,
    "log_format": _one_of(LogFormat),
    "log_level": _one_of(LogLevel),
}

HELP: Final[dict[str, str]] = {
    "host": "address to listen on; 0.0.0.0 for all",
    "http_port": "first port; 0 for any free one",
    "ws_port": "second port; both serve everything",
    "data_dir": "where the identity key and the rooms are kept",
    "identity": "who signs id tokens: local",
    "rooms": "where rooms are kept: sqlite or memory",
    "transport": "how WebSockets are served: asgi",
    "stun_urls": "STUN servers for the demo page, separated by commas",
    "allowed_origins": "web origins that may connect and call, separated by commas",
    "trusted_proxies": "networks whose X-Forwarded-For is believed, separated by commas",
    "rate_limit": "messages a second a connection; a burst may be twice that",
    "signin_limit": "sign-ins and rooms a minute an address; 0 for no limit",
    "max_peers": "peers a room",
    "legacy_open_delete": "let anyone delete any peer and room, as the original did",
    "log_format": "console or json",
    "log_level": "debug, info, warning or error",
}
"""One line for each setting, for the command line's help."""

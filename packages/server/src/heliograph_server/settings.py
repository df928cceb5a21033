"""Settings: read once, from the environment and the command line, into one frozen object."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

from msgspec import Struct

from heliograph_server.cluster.bus_url import read_bus_url
from heliograph_server.identity.keyfile import read_key
from heliograph_server.identity.options import (
    COGNITO_VARIABLES,
    app_client,
    identity_problems,
    issuers,
    region,
    user_pool,
)

__all__ = ["HELP", "HIDDEN", "SECRET_FIELDS", "Settings", "SettingsError", "load_settings", "variable"]

PREFIX: Final = "HELIOGRAPH_"

SECRET_FIELDS: Final = frozenset({"signing_key", "turn_secret", "cluster_url", "operator_token"})
"""Settings whose values are never shown: not in logs, not in problems, not by `check-config`."""

OPERATOR_TOKEN_LENGTH: Final = 32
"""At least; a random one of that length can't be guessed."""

HIDDEN: Final = "********"

IdentityKind = Literal["local", "cognito", "oidc"]
RoomsKind = Literal["sqlite", "memory", "dynamodb"]
TransportKind = Literal["picows", "asgi"]
LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that an operator can choose. `variable` says what each field is called in the environment."""

    host: str = "127.0.0.1"
    http_port: int = 8001
    ws_port: int = 8080
    data_dir: Path = Path("heliograph-data")
    signing_key: str = ""
    """The private key (PEM) that signs id tokens of the embedded issuer and join tokens. Empty: in `data_dir`."""
    identity: tuple[IdentityKind, ...] = ("local",)
    """Whose id tokens count; the first of them that makes anonymous users does so."""
    anonymous_signin: bool = True
    """Whether strangers are made users."""
    cognito_region: str = ""
    cognito_user_pool_id: str = ""
    cognito_app_client_id: str = ""
    oidc_issuer: tuple[str, ...] = ()
    """URLs of OpenID Connect issuers."""
    oidc_audience: tuple[str, ...] = ()
    """What each of them calls this server; one alone is for all."""
    rooms: RoomsKind = "sqlite"
    rooms_table: str = "rooms"
    """The DynamoDB table, by name or ARN."""
    cluster_url: str = ""
    """The Redis or Valkey through which several nodes are one server; it may hold a password. Empty: one node."""
    cluster_ca: Path | None = None
    """The authorities (PEM) whose certificates the bus may have. None: the system's."""
    workers: int = 1
    """How many processes `serve` runs on the same ports; more than one are a cluster."""
    drain_delay_s: int = 3
    """How long a node of a cluster that is to end is not ready before it hands over: until balancers have noticed."""
    transport: TransportKind = "picows"
    tls_cert: Path | None = None
    """A certificate chain (PEM). With it both ports speak TLS alone."""
    tls_key: Path | None = None
    """The private key of that certificate (PEM, not encrypted)."""
    stun_urls: tuple[str, ...] = ()
    """Handed to peers. None by default: nothing outside is contacted unless the operator says so."""
    turn_urls: tuple[str, ...] = ()
    """Handed to peers, with credentials made from `turn_secret`."""
    turn_secret: str = ""
    """Shared with the TURN server: coturn's `static-auth-secret`."""
    turn_ttl_s: int = 3600
    """How long TURN credentials are good."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of web pages that may open a WebSocket or call over HTTP. None: any may open one, none may call."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) whose `X-Forwarded-For` is believed."""
    resume_window_s: int = 30
    """How long a peer that lost its connection may come back."""
    rate_limit: int = 100
    """Messages a second a connection; a burst of twice as many passes."""
    signin_limit: int = 60
    """Sign-ins and rooms a minute an address; 0 for no limit."""
    max_peers: int = 1000
    """Peers a room."""
    operator_token: str = ""
    """Whoever has it may inspect the whole server. None: nobody may."""
    legacy_open_delete: bool = False
    """Let anyone delete any peer and room, as the original did."""
    log_format: LogFormat = "console"
    log_level: LogLevel = "info"

    @property
    def oidc_audiences(self) -> dict[str, frozenset[str]]:
        """The audiences of each issuer. One that is listed twice has two."""
        names = self.oidc_audience if len(self.oidc_audience) != 1 else self.oidc_audience * len(self.oidc_issuer)
        found: dict[str, frozenset[str]] = {}
        for issuer, name in zip(self.oidc_issuer, names, strict=True):
            found[issuer] = found.get(issuer, frozenset()) | {name}
        return found

    def __repr__(self) -> str:
        """Without the secrets."""
        shown = (f"{field}={self._shown(field)}" for field in self.__struct_fields__)
        return f"Settings({', '.join(shown)})"

    def _shown(self, field: str) -> str:
        value = getattr(self, field)
        return HIDDEN if field in SECRET_FIELDS and value else repr(value)


class SettingsError(Exception):
    """One or more settings are wrong; `problems` has a line for each, naming it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def variable(field: str) -> str:
    """What a field of `Settings` is called in the environment."""
    return COGNITO_VARIABLES.get(field, PREFIX + field.upper())


def load_settings(environ: Mapping[str, str], overrides: Mapping[str, str | None] | None = None) -> Settings:
    """Build the settings; every problem is reported together.

    `overrides` are the command line's, by field name, `None` for what was not given. Both hold strings.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    ours = {variable(field): field for field in _PARSERS if field not in COGNITO_VARIABLES}
    for name, text in environ.items():
        if name in ours:
            values[ours[name]] = _parse(ours[name], text, name, problems)
        elif name.startswith(PREFIX) and name not in _NOT_OURS:
            problems.append(f"{name}: there is no such setting")
    for field, given in (overrides or {}).items():
        if given is not None:
            values[field] = _parse(field, given, "--" + field.replace("_", "-"), problems)
    if "cognito" in (values.get("identity") or ()):
        for field, name in COGNITO_VARIABLES.items():
            if field not in values and environ.get(name):
                values[field] = _parse(field, environ[name], name, problems)
    problems += identity_problems(values)
    _check_pair(values, "tls_cert", "tls_key", problems)
    _check_pair(values, "turn_urls", "turn_secret", problems)
    if (values.get("workers") or 1) > 1 and not values.get("cluster_url"):
        problems.append(f"{PREFIX}CLUSTER_URL: is needed with more than one of {PREFIX}WORKERS")
    if values.get("cluster_ca") and not (values.get("cluster_url") or "").startswith("rediss"):
        problems.append(f"{PREFIX}CLUSTER_CA: is used with a {PREFIX}CLUSTER_URL that begins with rediss only")
    if problems:
        raise SettingsError(sorted(problems))
    return Settings(**values)


_NOT_OURS: Final = frozenset(
    f"HELIOGRAPH_{name}" for name in ("URL", "ROOM", "TOKEN", "ID_TOKEN", "ICE_SERVERS", "INTO", "CONFIG", "BROWSER")
)
"""Read by the SDK's command and by the tests; a shell may well have them exported."""


def _parse(field: str, text: str, shown_as: str, problems: list[str]) -> Any:
    try:
        return _PARSERS[field](text)
    except ValueError as error:
        problems.append(f"{shown_as}={HIDDEN if field in SECRET_FIELDS else repr(text)}: {error}")
        return None


def _check_pair(values: Mapping[str, Any], one: str, other: str, problems: list[str]) -> None:
    """Two settings that mean nothing without each other."""
    for given, missing in ((one, other), (other, one)):
        if given in values and values[given] != () and not values.get(missing):
            problems.append(f"{PREFIX}{missing.upper()}: is needed with {PREFIX}{given.upper()}")


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


def _some_of(choices: Any) -> Callable[[str], tuple[str, ...]]:
    one = _one_of(choices)

    def parse(text: str) -> tuple[str, ...]:
        chosen = tuple(dict.fromkeys(one(name) for name in _list(text)))
        if not chosen:
            raise ValueError("is empty")
        return chosen

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


def _origins(text: str) -> tuple[str, ...]:
    origins = _list(text.lower())
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("expected origins like https://app.example.org, separated by commas")
    return origins


def _ice_urls(pattern: re.Pattern[str], expected: str) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        urls = _list(text)
        if not all(pattern.fullmatch(url) for url in urls):
            raise ValueError(f"expected {expected}, separated by commas")
        return urls

    return parse


def _bus_url(text: str) -> str:
    read_bus_url(text)
    return text


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


def _signing_key(text: str) -> str:
    return read_key(text.replace("\\n", "\n").encode())  # not everything that sets variables can have lines in them


def _table(text: str) -> str:
    if not _TABLE.fullmatch(text):
        raise ValueError("expected the name or the ARN of a DynamoDB table")
    return text


def _operator_token(text: str) -> str:
    if len(text) < OPERATOR_TOKEN_LENGTH or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"expected {OPERATOR_TOKEN_LENGTH} or more printable ASCII characters without spaces")
    return text


_TABLE: Final = re.compile(r"(?:arn:[\w-]+:dynamodb:[\w-]+:\d{12}:table/)?[A-Za-z0-9_.-]{3,255}", re.ASCII)

_PORT: Final = _integer(0, 65535)

_HOST: Final = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_ORIGIN: Final = re.compile(rf"[a-z][a-z0-9+.-]*://{_HOST}")  # RFC 6454, as browsers name one: without a path
_STUN_URL: Final = re.compile(rf"stuns?:{_HOST}")  # RFC 7064
_TURN_URL: Final = re.compile(rf"turns?:{_HOST}(?:\?transport=(?:udp|tcp))?")  # RFC 7065

_PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "host": _not_empty,
    "http_port": _PORT,
    "ws_port": _PORT,
    "data_dir": lambda text: Path(_not_empty(text)),
    "signing_key": _signing_key,
    "identity": _some_of(IdentityKind),
    "anonymous_signin": _boolean,
    "cognito_region": region,
    "cognito_user_pool_id": user_pool,
    "cognito_app_client_id": app_client,
    "oidc_issuer": lambda text: issuers(_list(text)),
    "oidc_audience": _list,
    "rooms": _one_of(RoomsKind),
    "rooms_table": _table,
    "cluster_url": _bus_url,
    "cluster_ca": lambda text: Path(_not_empty(text)),
    "workers": _integer(1, 256),
    "drain_delay_s": _integer(0, 600),
    "transport": _one_of(TransportKind),
    "tls_cert": lambda text: Path(_not_empty(text)),
    "tls_key": lambda text: Path(_not_empty(text)),
    "stun_urls": _ice_urls(_STUN_URL, "URLs like stun:host:3478"),
    "turn_urls": _ice_urls(_TURN_URL, "URLs like turn:host:3478?transport=udp"),
    "turn_secret": _not_empty,
    "turn_ttl_s": _integer(60, 7 * 24 * 3600),
    "allowed_origins": _origins,
    "trusted_proxies": _networks,
    "resume_window_s": _integer(1, 3600),
    "rate_limit": _integer(1, 1_000_000),
    "signin_limit": _integer(0, 1_000_000),
    "max_peers": _integer(1, 1_000_000),
    "operator_token": _operator_token,
    "legacy_open_delete": _boolean,
    "log_format": _one_of(LogFormat),
    "log_level": _one_of(LogLevel),
}

HELP: Final[dict[str, str]] = {
    "host": "address to listen on; 0.0.0.0 for all",
    "http_port": "first port; 0 for any free one",
    "ws_port": "second port; both serve everything",
    "data_dir": "where the signing key and the rooms are kept",
    "signing_key": "private key (PEM, P-256) of the embedded issuer and of join tokens, instead of one in data_dir",
    "identity": "whose id tokens count: local, cognito, oidc, or several of them separated by commas",
    "anonymous_signin": "whether strangers are made users, by the first of local and cognito that is listed",
    "cognito_region": "AWS region of the Cognito user pool",
    "cognito_user_pool_id": "id of the Cognito user pool",
    "cognito_app_client_id": "id of the pool's app client",
    "oidc_issuer": "URLs of OpenID Connect issuers, separated by commas",
    "oidc_audience": "what they call this server in their tokens; one for all, or one for each",
    "rooms": "where rooms are kept: sqlite, memory or dynamodb",
    "rooms_table": "the DynamoDB table of rooms",
    "cluster_url": "Redis or Valkey through which several nodes are one server",
    "cluster_ca": "certificate authorities (PEM) of a cluster_url with TLS, instead of the system's",
    "workers": "processes on the same ports; more than one need cluster_url",
    "drain_delay_s": "seconds that an ending node of a cluster answers 503 at /ready before it hands over",
    "transport": "how WebSockets are served: asgi",
    "tls_cert": "certificate chain (PEM); with it both ports speak TLS alone",
    "tls_key": "private key of that certificate (PEM, not encrypted)",
    "stun_urls": "STUN servers for peers, separated by commas",
    "turn_urls": "TURN servers for peers, separated by commas; needs turn_secret",
    "turn_secret": "secret shared with the TURN servers (coturn: static-auth-secret)",
    "turn_ttl_s": "seconds that TURN credentials are good",
    "allowed_origins": "web origins that may connect and call, separated by commas",
    "trusted_proxies": "networks whose X-Forwarded-For is believed, separated by commas",
    "resume_window_s": "seconds that a peer may be away and come back",
    "rate_limit": "messages a second a connection; a burst may be twice that",
    "signin_limit": "sign-ins and rooms a minute an address; 0 for no limit",
    "max_peers": "peers a room",
    "operator_token": "secret with which the whole server may be inspected; without one nobody may",
    "legacy_open_delete": "let anyone delete any peer and room, as the original did",
    "log_format": "console or json",
    "log_level": "debug, info, warning or error",
}
"""One line for each setting, for the command line's help."""

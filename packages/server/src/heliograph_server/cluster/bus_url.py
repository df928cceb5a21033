"""What a URL says of the bus.

| URL | what is there |
|---|---|
| `redis://[user:password@]host[:port][/database]` | one server, or the one address of a service that fails over |
| `redis+sentinel://[user:password@]host[:port],host…/name` | Sentinels that know where the primary of that name is |
| `redis+cluster://[user:password@]host[:port],host…` | some nodes of a cluster; sharded pub/sub is used |

`rediss` in the place of `redis` is TLS, to Sentinels too. User and password are those of the servers; Sentinels with a
password of their own get it from `?sentinel_password=…`, and a user from `sentinel_user`.
"""

import re
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

__all__ = ["BusUrl", "read_bus_url"]

DEFAULT_PORT: Final = 6379
SENTINEL_PORT: Final = 26379

MAX_PORT: Final = 65535

Kind = Literal["single", "sentinel", "cluster"]

_URL: Final = re.compile(
    r"redis(?P<tls>s?)(?:\+(?P<kind>sentinel|cluster))?://"
    r"(?:(?P<user>[^:@/?]*):(?P<password>[^@/?]*)@)?(?P<hosts>[^@/?#]+)(?:/(?P<name>[^/?#]*))?(?:\?(?P<query>[^#]*))?"
)
_HOST: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_SENTINEL_OPTIONS: Final = {"sentinel_user": "username", "sentinel_password": "password"}


class BusUrl(Struct, frozen=True):
    """The options are those of the client library; passwords are among them."""

    kind: Kind
    hosts: tuple[tuple[str, int], ...]
    options: dict[str, Any]
    """For the servers."""
    name: str = ""
    """Of the primary, where there are Sentinels."""
    sentinel_options: dict[str, Any] = {}

    def __repr__(self) -> str:
        """Without the passwords."""
        return f"BusUrl({self.kind!r}, {self.hosts!r}, {self.name!r})"


def read_bus_url(url: str, ca: Path | None = None) -> BusUrl:
    """Understand it; `ca` is whose certificates count, the system's authorities if None.

    Raises `ValueError`, whose text has nothing of the URL in it.
    """
    parts = _URL.fullmatch(url)
    if parts is None:
        raise ValueError("expected redis://, redis+sentinel:// or redis+cluster://, hosts separated by commas")
    tls: dict[str, Any] = {}
    if parts["tls"]:
        tls = {"ssl": True} if ca is None else {"ssl": True, "ssl_ca_certs": str(ca)}
    options = tls | _login(parts["user"], parts["password"])
    hosts, name, query = parts["hosts"].split(","), parts["name"] or "", parts["query"]
    if parts["kind"] == "sentinel":
        if not name:
            raise ValueError("redis+sentinel needs the name of the primary after the hosts: /name")
        return BusUrl("sentinel", _hosts(hosts, SENTINEL_PORT), options, unquote(name), tls | _sentinel_login(query))
    if query:
        raise ValueError("only redis+sentinel has options after a question mark")
    if parts["kind"] == "cluster":
        if name:
            raise ValueError("redis+cluster has nothing after the hosts")
        return BusUrl("cluster", _hosts(hosts, DEFAULT_PORT), options)
    if len(hosts) != 1:
        raise ValueError("several hosts need redis+sentinel or redis+cluster")
    if name and not name.isdecimal():
        raise ValueError("expected the number of a database after the host")
    return BusUrl("single", _hosts(hosts, DEFAULT_PORT), options | ({"db": int(name)} if name else {}))


def _login(user: str | None, password: str | None) -> dict[str, Any]:
    login = {"username": unquote(user or ""), "password": unquote(password or "")}
    return {name: value for name, value in login.items() if value}


def _sentinel_login(query: str | None) -> dict[str, Any]:
    given = dict(parse_qsl(query or "", keep_blank_values=True))
    if not given.keys() <= _SENTINEL_OPTIONS.keys():
        raise ValueError(f"its options are {' and '.join(_SENTINEL_OPTIONS)}")
    return {_SENTINEL_OPTIONS[name]: value for name, value in given.items() if value}


def _hosts(texts: list[str], default_port: int) -> tuple[tuple[str, int], ...]:
    hosts = []
    for text in texts:
        parts = _HOST.fullmatch(text)
        port = default_port if parts is None or parts["port"] is None else int(parts["port"])
        if parts is None or not 0 < port <= MAX_PORT:
            raise ValueError("expected host or host:port, several separated by commas")
        hosts.append((parts["host"].strip("[]"), port))
    return tuple(hosts)

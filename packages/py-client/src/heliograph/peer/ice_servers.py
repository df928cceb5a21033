"""Which ICE servers aiortc can use.

aiortc takes one STUN and one TURN server, ignores `stuns:`, raises ValueError for a STUN URL with `?transport=` and for
IPv6 literals, and waits five seconds for each server that does not answer. So the list is looked through beforehand.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from heliograph.config import is_host_name
from heliograph.errors import ConfigurationError
from heliograph_protocol import IceServer as WireIceServer

__all__ = ["IceServer", "IceServerLike", "UsableIceServers", "usable_ice_servers"]

log = logging.getLogger(__name__)

_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>[^?:\[\]\s]+)(:(?P<port>\d{1,5}))?(\?transport=(?P<transport>\w+))?"
)


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server (W3C RTCIceServer). `credential` is a secret."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, value: IceServer | WireIceServer | str | Mapping[str, object]) -> IceServer:
        """Take a URL, an RTCIceServer as JSON has it, or an `IceServer`. Raises `ConfigurationError`."""
        if isinstance(value, IceServer):
            return value
        if isinstance(value, WireIceServer):
            return cls(tuple(value.urls), _text(value.username), _text(value.credential))
        if isinstance(value, str):
            return cls(urls=(value,))
        urls = value.get("urls")
        listed = [urls] if isinstance(urls, str) else urls
        if not isinstance(listed, list | tuple) or not all(isinstance(url, str) for url in listed):
            raise ConfigurationError("An ICE server needs `urls`: a URL or a list of URLs")
        return cls(urls=tuple(listed), username=_text(value.get("username")), credential=_text(value.get("credential")))


@dataclass(frozen=True, slots=True)
class UsableIceServers:
    """At most one STUN and one TURN URL, and for each of the others why it is not used."""

    servers: tuple[IceServer, ...]
    dropped: tuple[tuple[str, str], ...]

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs that will be used."""
        return tuple(url for server in self.servers for url in server.urls)


IceServerLike: TypeAlias = IceServer | WireIceServer | str | Mapping[str, object]
"""A URL, an RTCIceServer as JSON has it, an `IceServer`, or one that the server's API named."""


def usable_ice_servers(servers: Iterable[IceServerLike]) -> UsableIceServers:
    """Keep what aiortc can use, in the caller's order; log a reason for everything else."""
    used: dict[str, IceServer] = {}
    dropped: list[tuple[str, str]] = []
    for server in map(IceServer.of, servers):
        for url in server.urls:
            kind = "turn" if url.startswith("turn") else "stun"
            reason = _unusable(url, server) or (f"aiortc uses one {kind.upper()} server only" if kind in used else None)
            if reason is None:
                used[kind] = IceServer(urls=(url,), username=server.username, credential=server.credential)
            else:
                dropped.append((url, reason))
                log.warning("ice.server_dropped url=%s reason=%s", url, reason)
    return UsableIceServers(servers=tuple(used.values()), dropped=tuple(dropped))


def _unusable(url: str, server: IceServer) -> str | None:
    match = _URL.fullmatch(url)
    if match is None:
        return "IPv6 literals are not supported" if "[" in url else "not a STUN or TURN URL"
    if match["port"] and not 0 < int(match["port"]) < 65536:
        return "no such port"
    if not is_host_name(match["host"]):
        return "no such host name"
    match match["scheme"], match["transport"]:
        case "stuns", _:
            return "STUN over TLS is not supported"
        case "stun", str():
            return "a STUN URL has no transport"
        case ("turn", None | "udp" | "tcp") | ("turns", None | "tcp") | ("stun", None):
            pass
        case _:
            return "this transport is not supported"
    if match["scheme"].startswith("turn") and not (server.username and server.credential):
        return "a TURN server needs a username and a credential"
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

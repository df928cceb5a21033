"""Limits on how often something may happen: a token bucket, and a bucket for each client address."""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final

from litestar.connection import ASGIConnection

from heliograph_server.errors import RateLimited

__all__ = ["MAX_ADDRESSES", "AddressLimiter", "TokenBucket"]

MAX_ADDRESSES: Final = 65_536
"""Addresses that an `AddressLimiter` remembers; beyond that the one unseen for longest is forgotten."""

WINDOW_S: Final = 60.0

_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class TokenBucket:
    """Lets `burst` events through at once and `rate_per_s` a second after that.

    `clock` is monotonic, in seconds.
    """

    __slots__ = ("_burst", "_clock", "_rate_per_s", "_tokens", "at")

    def __init__(self, rate_per_s: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self.at = clock()
        """When one was asked for a token last: whoever asks has read the clock with that."""

    def take(self) -> bool:
        """Take one token; False if there is none."""
        now = self._clock()
        tokens = self._tokens + (now - self.at) * self._rate_per_s
        self.at = now
        if tokens > self._burst:  # noqa: PLR1730 - min() costs as much as all the rest
            tokens = self._burst
        if tokens < 1.0:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1.0
        return True

    def put_back(self) -> None:
        """What a token was taken for did not happen."""
        self._tokens = min(self._burst, self._tokens + 1.0)

    @property
    def wait_s(self) -> float:
        """Seconds until there is a token, 0 if there is one."""
        tokens = self._tokens + (self._clock() - self.at) * self._rate_per_s
        return max(0.0, (1.0 - tokens) / self._rate_per_s)


class AddressLimiter:
    """At most `per_minute` calls a minute from one client address, 0 for no limit.

    A client is an IPv4 address or an IPv6 /64, which is what one customer gets. `X-Forwarded-For` counts only if the
    direct peer is in one of the `trusted_proxies` (CIDR). `calls` says in the refusal what there were too many of.
    """

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float],
        trusted_proxies: Iterable[str] = (),
        *,
        calls: str = "sign-ins and rooms",
    ) -> None:
        self.per_minute = per_minute
        self.rate_per_s = per_minute / WINDOW_S
        self._calls = calls
        self._clock = clock
        self._trusted = tuple(ipaddress.ip_network(network, strict=False) for network in trusted_proxies)
        self._buckets: OrderedDict[str, tuple[TokenBucket, float]] = OrderedDict()
        """The bucket and the time of the latest call of each client, the one unseen for longest first."""

    def check(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """Count one call of the connection's client. Raises `RateLimited`."""
        if self.per_minute:
            self.take(self.client(connection))

    def client(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """Whose bucket a call is counted in."""
        direct = connection.client.host if connection.client else ""
        return client_address(direct, connection.headers.getall("x-forwarded-for", []), self._trusted)

    def take(self, client: str) -> TokenBucket:
        """Count one call of a client; the bucket that it was counted in. Raises `RateLimited`."""
        bucket = self._bucket(client)
        if not bucket.take():
            raise self.refusal(bucket.wait_s)
        return bucket

    def refusal(self, wait_s: float) -> RateLimited:
        """What a client hears that has to wait."""
        wait_s = max(1, math.ceil(wait_s))
        return RateLimited(f"Too many {self._calls} from this address, try again in {wait_s} s", retry_after_s=wait_s)

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._buckets)

    def _bucket(self, client: str) -> TokenBucket:
        now = self._clock()
        known = self._buckets.pop(client, None)
        bucket = known[0] if known else TokenBucket(self.rate_per_s, self.per_minute, self._clock)
        self._buckets[client] = (bucket, now)
        self._forget(now)
        return bucket

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full again, which are as good as new ones, and whatever is too much."""
        while self._buckets:
            client, (_, seen) = next(iter(self._buckets.items()))
            if now - seen < WINDOW_S and len(self._buckets) <= MAX_ADDRESSES:
                return
            del self._buckets[client]


def client_address(direct: str, forwarded_for: list[str], trusted: tuple[_IPNetwork, ...]) -> str:
    """The key of the client behind a connection.

    `direct` is the address at the other end of the socket, `forwarded_for` the values of `X-Forwarded-For`. From the
    right, each entry was written by the proxy before it: the first that is not a trusted proxy is the client. An entry
    that is no address makes the whole header worth nothing.
    """
    address = _parse(direct)
    if address is None:
        return direct
    client = address
    for entry in reversed(",".join(forwarded_for).split(",") if forwarded_for else []):
        if not _is_trusted(client, trusted):
            break
        hop = _parse(_without_port(entry.strip()))
        if hop is None:
            return _key(address)
        client = hop
    return _key(client)


def _parse(text: str) -> _IPAddress | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _without_port(text: str) -> str:
    """Some proxies write `192.0.2.1:4711` and `[2001:db8::1]:4711`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    host, colon, _ = text.partition(":")
    return host if colon and text.count(":") == 1 else text


def _is_trusted(address: _IPAddress, trusted: tuple[_IPNetwork, ...]) -> bool:
    return any(address in network for network in trusted)


def _key(address: _IPAddress) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return f"{ipaddress.IPv6Address(int(address) >> 64 << 64)}/64"

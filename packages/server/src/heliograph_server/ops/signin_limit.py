"""The limit of sign-ins and rooms, which the nodes of a cluster keep together."""

import asyncio
from typing import Any, Final

from litestar.connection import ASGIConnection

from heliograph_server.cluster.bus import BusUnavailable, Tokens
from heliograph_server.ops.limits import AddressLimiter

__all__ = ["SHARED_WAIT_S", "SignInLimiter"]

SHARED_WAIT_S: Final = 0.25
"""How long a call waits for the count that all nodes share, before the one of this node has to do."""


class SignInLimiter:
    """Counts the calls of each client address: at this node, and then with all others that share `tokens`.

    Whoever calls too often at one node is refused there, at no cost to the bus. While the bus does not answer, each
    node counts for itself: an address may then have its limit at each of them.
    """

    def __init__(self, here: AddressLimiter, tokens: Tokens | None = None) -> None:
        self._here = here
        self._tokens = tokens

    async def check(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """Count one call of the connection's client. Raises `RateLimited`."""
        here = self._here
        if self._tokens is None or not here.per_minute:
            here.check(connection)
            return
        client = here.client(connection)
        bucket = here.take(client)
        try:
            async with asyncio.timeout(SHARED_WAIT_S):
                wait_s = await self._tokens.spend(f"signin:{client}", here.rate_per_s, here.per_minute)
        except (BusUnavailable, TimeoutError):
            return
        if wait_s > 0:
            bucket.put_back()
            raise here.refusal(wait_s)

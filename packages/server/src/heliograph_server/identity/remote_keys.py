"""An issuer's keys, as far as this server knows them: when they are fetched, how often, what an outage means."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from heliograph_server.errors import IdentityUnavailable, InvalidIdToken
from heliograph_server.identity.documents import DocumentUnavailable
from heliograph_server.identity.jwks import InvalidKeySet, KeySet
from heliograph_server.identity.tokens import VerificationKey
from heliograph_server.ops.limits import TokenBucket

__all__ = ["REFRESH_INTERVAL_S", "RemoteKeys"]

REFRESH_INTERVAL_S: Final = 3600.0
"""After that the keys are fetched again, so that one which the issuer has withdrawn does not count for ever."""

FETCHES_AT_ONCE: Final = 3
FETCH_EVERY_S: Final = 20.0
"""Tokens with key ids that nobody knows cause this many fetches, and then one in so many seconds."""

FIRST_RETRY_S: Final = 1.0
LAST_RETRY_S: Final = 60.0

_log = structlog.get_logger(__name__)


class RemoteKeys:
    """The cached key set of one issuer. It is kept for as long as the issuer can't be reached.

    `fetch` gets the set and raises `DocumentUnavailable`, `InvalidKeySet`; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        issuer: str,
        fetch: Callable[[], Awaitable[KeySet]],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._sleep = sleep
        self._keys: KeySet | None = None
        self._cause: Exception | None = None
        self._attempts = 0
        """Those that are over. Whoever sees the count change while it waits need not try again itself."""
        self._fetching = asyncio.Lock()
        self._bucket = TokenBucket(1 / FETCH_EVERY_S, FETCHES_AT_ONCE, clock)

    @property
    def known(self) -> bool:
        """Whether they were ever fetched."""
        return self._keys is not None

    @property
    def problem(self) -> str | None:
        """Why the last attempt to fetch them failed, None if it did not."""
        return None if self._cause is None else str(self._cause)

    def known_key(self, kid: str | None) -> VerificationKey | None:
        """The key of that id, if it was fetched."""
        return None if self._keys is None else self._keys.find(kid)

    async def find(self, kid: str | None) -> VerificationKey:
        """The key of that id, if need be after a fetch.

        Raises `InvalidIdToken` if the issuer has no such key, `IdentityUnavailable` if that can't be known.
        """
        key = self.known_key(kid)
        if key is None:
            seen = self._attempts
            async with self._fetching:
                key = self.known_key(kid)
                if key is None and self._attempts == seen and self._bucket.take():
                    await self._refresh()  # nobody else has, while this waited for its turn
                    key = self.known_key(kid)
        if key is not None:
            return key
        if self._cause is not None:
            raise IdentityUnavailable("The keys of the identity provider can't be fetched") from self._cause
        raise InvalidIdToken("The id token was not signed by an issuer that this server trusts")

    async def fetch(self) -> KeySet | None:
        """Fetch the keys once, whatever the limits; None if that failed, which changes nothing but `problem`."""
        try:
            fetched = await self._fetch()
        except (DocumentUnavailable, InvalidKeySet) as error:
            self._attempts += 1
            self._cause = error
            return None
        self._attempts += 1
        self._cause = None
        self._keys = fetched
        return fetched

    async def _refresh(self) -> bool:
        """Fetch the keys and say how that went."""
        fetched = await self.fetch()
        if fetched is None:
            _log.error("identity.keys_unavailable", issuer=self._issuer, cause=self.problem, kept=self.known)
            return False
        _log.info("identity.keys_fetched", issuer=self._issuer, keys=len(fetched))
        return True

    async def keep_fresh(self) -> None:
        """Fetch the keys until there are some, and from time to time after that; never ends by itself."""
        retry_s = FIRST_RETRY_S
        while True:
            async with self._fetching:
                fetched = await self._refresh()
            if fetched:
                retry_s = FIRST_RETRY_S
                await self._sleep(REFRESH_INTERVAL_S)
            else:
                await self._sleep(retry_s)
                retry_s = min(2 * retry_s, LAST_RETRY_S)

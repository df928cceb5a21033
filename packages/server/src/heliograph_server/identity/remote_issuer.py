"""An issuer elsewhere, whose tokens are verified with the keys that it publishes."""

from collections.abc import Callable
from typing import Final

from heliograph_server.identity.claims import Claims, check_claims, check_kind, read_claims
from heliograph_server.identity.remote_keys import RemoteKeys
from heliograph_server.identity.tokens import SignedToken, VerificationKey
from heliograph_server.identity.verifier import User

__all__ = ["CLOCK_LEEWAY_S", "RemoteIssuer"]

CLOCK_LEEWAY_S: Final = 10.0
"""How far its clock may be ahead of ours: a token that begins to count that much later is taken already."""


class RemoteIssuer:
    """An `Issuer`, of OpenID Connect's id tokens. `clock` gives Unix seconds.

    `audiences` are the names that it has for us; a token for any of them is taken. `seen` is told whom a token proves
    and what else that says, and may raise `InvalidIdToken`.
    """

    def __init__(
        self,
        issuer: str,
        audiences: frozenset[str],
        keys: RemoteKeys,
        clock: Callable[[], float],
        seen: Callable[[User, Claims], None] = lambda _user, _claims: None,
    ) -> None:
        self._issuer = issuer
        self._seen = seen
        self._audiences = audiences
        self._clock = clock
        self.keys = keys

    @property
    def issuer(self) -> str:
        """What its tokens have as `iss`."""
        return self._issuer

    def verify_now(self, token: SignedToken) -> User | None:
        """See `Issuer.verify_now`."""
        key = self.keys.known_key(token.header.kid)
        return None if key is None else self._proved(token, key)

    async def verify(self, token: SignedToken) -> User:
        """See `Issuer.verify`."""
        return self._proved(token, await self.keys.find(token.header.kid))

    def _proved(self, token: SignedToken, key: VerificationKey) -> User:
        """The user whom its token proves, if that key signed it. Raises `InvalidIdToken`."""
        claims = read_claims(token, key.verify)
        user = check_claims(
            claims, issuer=self._issuer, audiences=self._audiences, now=self._clock(), leeway_s=CLOCK_LEEWAY_S
        )
        check_kind(token, claims)
        self._seen(user, claims)
        return user

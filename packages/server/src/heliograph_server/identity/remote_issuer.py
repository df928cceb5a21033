"""An issuer elsewhere, whose tokens are verified with the keys that it publishes."""

from collections.abc import Callable
from typing import Final

from heliograph_server.errors import InvalidIdToken
from heliograph_server.identity.claims import Claims, check_claims, check_kind, read_claims
from heliograph_server.identity.remote_keys import RemoteKeys
from heliograph_server.identity.tokens import InvalidSignature, read_header
from heliograph_server.identity.verifier import User

__all__ = ["CLOCK_LEEWAY_S", "RemoteIssuer"]

CLOCK_LEEWAY_S: Final = 10.0
"""How far its clock may be ahead of ours: a token that begins to count that much later is taken already."""


class RemoteIssuer:
    """An `Issuer`, of OpenID Connect's id tokens. `clock` gives Unix seconds.

    `audiences` are the names that it has for us; a token for any of them is taken.
    """

    def __init__(self, issuer: str, audiences: frozenset[str], keys: RemoteKeys, clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._audiences = audiences
        self._clock = clock
        self.keys = keys

    @property
    def issuer(self) -> str:
        """What its tokens have as `iss`."""
        return self._issuer

    async def verify(self, id_token: str) -> User:
        """See `Issuer.verify`."""
        return (await self.verified(id_token))[0]

    async def verified(self, id_token: str) -> tuple[User, Claims]:
        """The user whom its token proves, and what else the token says. Raises as `Issuer.verify` does."""
        try:
            header = read_header(id_token)
        except InvalidSignature as error:
            raise InvalidIdToken("That is no id token") from error
        key = await self.keys.find(header.kid)
        claims = read_claims(id_token, key.verify)
        user = check_claims(
            claims, issuer=self._issuer, audiences=self._audiences, now=self._clock(), leeway_s=CLOCK_LEEWAY_S
        )
        check_kind(id_token, claims)
        return user, claims

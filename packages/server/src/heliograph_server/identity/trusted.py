"""Several issuers, each trusted for its own tokens."""

from collections.abc import Sequence
from typing import Any

from heliograph_server.errors import InvalidIdToken, NotPermitted
from heliograph_server.identity.claims import MAX_TOKEN_CHARS
from heliograph_server.identity.tokens import InvalidSignature, read_issuer
from heliograph_server.identity.verifier import Issuer, SignedIn, SignIn, User

__all__ = ["TrustedIssuers"]


class TrustedIssuers:
    """An `IdentityProvider`. Which issuer verifies a token is what the token says; that one then believes none of it.

    `sign_in` makes anonymous users, if anyone does; `jwks` is the key set of an issuer of our own.
    """

    def __init__(self, issuers: Sequence[Issuer], sign_in: SignIn | None, jwks: dict[str, Any]) -> None:
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        self._sign_in = sign_in
        self._jwks = jwks

    async def sign_in(self) -> SignedIn:
        """See `IdentityProvider.sign_in`."""
        if self._sign_in is None:
            raise NotPermitted("This server signs nobody in: bring an id token of an issuer that it trusts")
        return await self._sign_in.sign_in()

    async def renew(self, id_token: str) -> SignedIn:
        """See `IdentityProvider.renew`."""
        user = await self.verify(id_token)
        if self._sign_in is None or self._sign_in.issuer != user.issuer:
            raise NotPermitted("The issuer of that id token renews it, not this server")
        return await self._sign_in.renew(id_token)

    async def verify(self, id_token: str) -> User:
        """See `IdentityProvider.verify`."""
        if len(id_token) > MAX_TOKEN_CHARS:
            raise InvalidIdToken("The id token is too long")
        try:
            issuer = self._issuers.get(read_issuer(id_token))
        except InvalidSignature as error:
            raise InvalidIdToken("That is no id token") from error
        if issuer is None:
            raise InvalidIdToken("The id token is of an issuer that this server does not trust")
        return await issuer.verify(id_token)

    def jwks(self) -> dict[str, Any]:
        """See `IdentityProvider.jwks`."""
        return self._jwks

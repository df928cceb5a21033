"""Several issuers, each trusted for its own tokens."""

from collections.abc import Sequence
from typing import Any

from heliograph_server.errors import InvalidIdToken, NotPermitted
from heliograph_server.identity.claims import read_token
from heliograph_server.identity.tokens import InvalidSignature, SignedToken
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
        token = read_token(id_token)
        user = await self._issuer(token).verify(token)
        if self._sign_in is None or self._sign_in.issuer != user.issuer:
            raise NotPermitted("The issuer of that id token renews it, not this server")
        return await self._sign_in.renew(token)

    def verify_now(self, id_token: str) -> User | None:
        """See `IdentityProvider.verify_now`."""
        token = read_token(id_token)
        return self._issuer(token).verify_now(token)

    async def verify(self, id_token: str) -> User:
        """See `IdentityProvider.verify`."""
        token = read_token(id_token)
        return await self._issuer(token).verify(token)

    def jwks(self) -> dict[str, Any]:
        """See `IdentityProvider.jwks`."""
        return self._jwks

    def _issuer(self, token: SignedToken) -> Issuer:
        """Whose token that is, as it says itself. Raises `InvalidIdToken` if it is nobody's who is trusted."""
        try:
            return self._issuers[token.issuer]
        except InvalidSignature as error:
            raise InvalidIdToken("That is no id token") from error
        except KeyError as error:
            raise InvalidIdToken("The id token is of an issuer that this server does not trust") from error

"""The embedded issuer: signs in anonymous users with a key of its own, with no account anywhere."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from heliograph_server.errors import InvalidIdToken, NotPermitted
from heliograph_server.identity.claims import MAX_TOKEN_CHARS, Claims, check_claims, read_claims
from heliograph_server.identity.signing import SigningKey
from heliograph_server.identity.tokens import SignedToken
from heliograph_server.identity.verifier import SignedIn, User

__all__ = ["AUDIENCE", "ISSUER", "TOKEN_LIFE_S", "LocalIdentity", "MintError"]

ISSUER: Final = "heliograph"
AUDIENCE: Final = "heliograph"
TOKEN_LIFE_S: Final = 24 * 3600

ANONYMOUS: Final = "anon-"
"""What the names of those begin with whom the server made."""

_AUDIENCES: Final = frozenset({AUDIENCE})


class MintError(ValueError):
    """No such token can be made. The text is one sentence for the operator."""


class LocalIdentity:
    """An `Issuer` and a `SignIn` whose key lives in the data directory. Raises `KeyFileError` if that can't be used.

    `clock` gives Unix seconds; `signing_key` (PEM) takes the place of the one in the directory. Processes with the same
    key accept each other's tokens.
    """

    issuer = ISSUER

    def __init__(self, data_dir: Path, clock: Callable[[], float], signing_key: str = "") -> None:
        self._clock = clock
        self._key = SigningKey.load(data_dir, signing_key)

    async def sign_in(self) -> SignedIn:
        """Make an anonymous user; nothing is kept of it but what its token says."""
        username = ANONYMOUS + secrets.token_urlsafe(16)
        return SignedIn(id_token=self.mint(username, TOKEN_LIFE_S), username=username)

    async def renew(self, token: SignedToken) -> SignedIn:
        """Another token for the same anonymous user, for as long as the old one's whole life.

        Those that the operator minted for somebody are not renewed: their life is the operator's decision.
        """
        claims, user = self._verified(token)
        if not user.subject.startswith(ANONYMOUS) or not isinstance(claims.iat, int):
            raise NotPermitted("Only the id tokens of anonymous users are renewed")
        life_s = min(int(claims.exp) - claims.iat, TOKEN_LIFE_S)
        return SignedIn(id_token=self.mint(user.subject, life_s), username=user.subject)

    async def verify(self, token: SignedToken) -> User:
        """See `Issuer.verify`."""
        return self.verify_now(token)

    def verify_now(self, token: SignedToken) -> User:
        """The user whom the token proves: that can be said at once. Raises `InvalidIdToken`."""
        return self._verified(token)[1]

    def jwks(self) -> dict[str, Any]:
        """The public key, as a set of one (RFC 7517)."""
        return self._key.jwks

    def mint(self, subject: str, ttl_s: int) -> str:
        """An id token for `subject` that is valid for `ttl_s` seconds from now. Raises `MintError`."""
        if not subject or ttl_s <= 0:
            raise MintError("An id token needs a subject and a life of at least a second.")
        now = int(self._clock())
        try:
            token = self._key.sign({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + ttl_s})
        except ValueError as error:
            raise MintError("The subject is too long for an id token, or no text.") from error
        if len(token) > MAX_TOKEN_CHARS:
            raise MintError("The subject is too long for an id token.")
        return token

    def _verified(self, token: SignedToken) -> tuple[Claims, User]:
        claims = read_claims(token, self._key.verify)
        if not isinstance(claims.aud, str):
            raise InvalidIdToken("The id token is not one that this server makes")
        user = check_claims(claims, issuer=self.issuer, audiences=_AUDIENCES, now=self._clock(), leeway_s=0)
        return claims, user

"""The embedded issuer: signs in anonymous users with a key of its own, with no account anywhere."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from heliograph_server.errors import InvalidIdToken
from heliograph_server.identity.signing import InvalidSignature, SigningKey
from heliograph_server.identity.verifier import SignedIn, User

__all__ = ["AUDIENCE", "ISSUER", "MAX_TOKEN_CHARS", "TOKEN_LIFE_S", "LocalIdentity", "MintError"]

ISSUER: Final = "heliograph"
AUDIENCE: Final = "heliograph"
TOKEN_LIFE_S: Final = 24 * 3600
MAX_TOKEN_CHARS: Final = 8192


class _Claims(Struct):
    """RFC 7519 section 4.1. Without one of the required ones the token is refused."""

    iss: str
    sub: str
    aud: str
    exp: int | float
    nbf: int | float | None = None


class MintError(ValueError):
    """No such token can be made. The text is one sentence for the operator."""


class LocalIdentity:
    """An `IdentityProvider` whose key lives in the data directory. Raises `KeyFileError` when that can't be used.

    `clock` gives Unix seconds. Processes that share the directory accept each other's tokens.
    """

    def __init__(self, data_dir: Path, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._key = SigningKey.load(data_dir)

    async def sign_in(self) -> SignedIn:
        """Make an anonymous user; nothing is kept of it but what its token says."""
        username = f"anon-{secrets.token_urlsafe(16)}"
        return SignedIn(id_token=self.mint(username, TOKEN_LIFE_S), username=username)

    async def verify(self, id_token: str) -> User:
        """The user whom the token proves. Raises `InvalidIdToken`."""
        try:
            claims = self._verified_claims(id_token)
        except (InvalidSignature, msgspec.MsgspecError) as error:
            raise InvalidIdToken("The id token is not one that this server issued") from error
        if claims.iss != ISSUER or claims.aud != AUDIENCE or not claims.sub:
            raise InvalidIdToken("The id token is meant for something else")
        now = self._clock()
        if now >= claims.exp:
            raise InvalidIdToken("The id token has expired, sign in again")
        if claims.nbf is not None and now < claims.nbf:
            raise InvalidIdToken("The id token is not valid yet")
        return User(issuer=claims.iss, subject=claims.sub)

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

    def _verified_claims(self, id_token: str) -> _Claims:
        if len(id_token) > MAX_TOKEN_CHARS:
            raise InvalidSignature("too long")
        try:
            return msgspec.json.decode(self._key.verify(id_token), type=_Claims)
        except (RecursionError, UnicodeDecodeError) as error:
            raise InvalidSignature("not what we sign") from error

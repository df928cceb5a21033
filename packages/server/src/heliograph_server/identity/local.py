"""The embedded issuer: signs in anonymous users with a key of its own, with no account anywhere."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from jose import jwk, jws
from jose.exceptions import JOSEError
from msgspec import Struct

from heliograph_server.errors import InvalidIdToken
from heliograph_server.identity.keyfile import load_or_create_key
from heliograph_server.identity.verifier import SignedIn, User

__all__ = ["AUDIENCE", "ISSUER", "MAX_TOKEN_CHARS", "TOKEN_LIFE_S", "LocalIdentity", "MintError"]

ISSUER: Final = "heliograph"
AUDIENCE: Final = "heliograph"
ALGORITHM: Final = "ES256"
TOKEN_LIFE_S: Final = 24 * 3600
MAX_TOKEN_CHARS: Final = 8192

_COMPACT_JWS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class _Header(Struct):
    """RFC 7515 section 4.1. `crit` lists extensions that must be understood: there are none that we do."""

    alg: str
    kid: str
    crit: Any = None


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
        self._private_key = jwk.construct(load_or_create_key(data_dir), ALGORITHM)
        self._public_key = self._private_key.public_key()
        public = {name: str(value) for name, value in self._public_key.to_dict().items()}
        self._kid = _thumbprint(public)
        self._jwks = {"keys": [{**public, "kid": self._kid, "use": "sig"}]}

    async def sign_in(self) -> SignedIn:
        """Make an anonymous user; nothing is kept of it but what its token says."""
        username = f"anon-{secrets.token_urlsafe(16)}"
        return SignedIn(id_token=self.mint(username, TOKEN_LIFE_S), username=username)

    async def verify(self, id_token: str) -> User:
        """The user whom the token proves. Raises `InvalidIdToken`."""
        try:
            claims = self._verified_claims(id_token)
        except (JOSEError, msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError) as error:
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
        return self._jwks

    def mint(self, subject: str, ttl_s: int) -> str:
        """An id token for `subject` that is valid for `ttl_s` seconds from now. Raises `MintError`."""
        if not subject or ttl_s <= 0:
            raise MintError("An id token needs a subject and a life of at least a second.")
        now = int(self._clock())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + ttl_s}
        token = jws.sign(claims, self._private_key, headers={"kid": self._kid}, algorithm=ALGORITHM)
        if len(token) > MAX_TOKEN_CHARS:
            raise MintError("The subject is too long for an id token.")
        return token

    def _verified_claims(self, id_token: str) -> _Claims:
        """What a token signed by our key says. Malformed ones raise whatever their form provokes."""
        if len(id_token) > MAX_TOKEN_CHARS:
            raise ValueError("too long")
        parts = _COMPACT_JWS.fullmatch(id_token)
        if parts is None:
            raise ValueError("not a compact JWS")
        header = msgspec.json.decode(_base64url(parts[1]), type=_Header)
        # Before anything is verified: what the token says of itself must not choose how it is verified.
        if header.alg != ALGORITHM or header.kid != self._kid or header.crit is not None:
            raise ValueError("not signed in our way")
        payload = jws.verify(id_token, self._public_key, [ALGORITHM])
        return msgspec.json.decode(payload, type=_Claims)


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _thumbprint(public_key: dict[str, str]) -> str:
    """RFC 7638: the hash of the members that make the key, in this order and form."""
    members = {name: public_key[name] for name in ("crv", "kty", "x", "y")}
    return base64.urlsafe_b64encode(hashlib.sha256(msgspec.json.encode(members)).digest()).rstrip(b"=").decode()

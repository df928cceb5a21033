"""What an id token says, and which of it must hold before anyone is believed."""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from heliograph_server.errors import InvalidIdToken
from heliograph_server.identity.tokens import InvalidSignature, SignedToken
from heliograph_server.identity.verifier import User

__all__ = ["MAX_TOKEN_CHARS", "Claims", "check_claims", "check_kind", "read_claims", "read_token"]

MAX_TOKEN_CHARS: Final = 8192


class Claims(Struct, frozen=True):
    """RFC 7519 section 4.1, and what tells an id token from other tokens. Times are Unix seconds."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: int | float
    nbf: int | float | None = None
    iat: object = None
    token_use: object = None
    """Cognito: `id` or `access`."""
    typ: object = None
    """Keycloak: `ID`, `Bearer`, `Refresh`."""
    scope: object = None
    """RFC 9068: what an access token allows."""
    scp: object = None
    """The same, as several issuers call it."""
    username: str | None = msgspec.field(name="cognito:username", default=None)


_decode = msgspec.json.Decoder(Claims).decode


def read_token(id_token: str) -> SignedToken:
    """The parts of an id token, of which nothing is proved. Raises `InvalidIdToken`."""
    if len(id_token) > MAX_TOKEN_CHARS:
        raise InvalidIdToken("The id token is too long")
    try:
        return SignedToken.parse(id_token)
    except InvalidSignature as error:
        raise InvalidIdToken("That is no id token") from error


def read_claims(token: SignedToken, verify: Callable[[SignedToken], bytes]) -> Claims:
    """The claims of a token that `verify` believes. Raises `InvalidIdToken`; `verify` raises `InvalidSignature`."""
    try:
        return _decode(verify(token))
    except (InvalidSignature, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidIdToken("The id token was not signed by an issuer that this server trusts") from error


def check_claims(claims: Claims, *, issuer: str, audiences: frozenset[str], now: float, leeway_s: float) -> User:
    """Whom the claims name, if they are for us and hold now. Raises `InvalidIdToken`.

    `leeway_s` is how far the issuer's clock may be ahead of ours; none is given at the end of a token's life.
    """
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != issuer or audiences.isdisjoint(audience) or not claims.sub:
        raise InvalidIdToken("The id token is meant for something else")
    if now >= claims.exp:
        raise InvalidIdToken("The id token has expired, sign in again")
    if claims.nbf is not None and now + leeway_s < claims.nbf:
        raise InvalidIdToken("The id token is not valid yet")
    return User(issuer=claims.iss, subject=claims.sub)


def check_kind(token: SignedToken, claims: Claims) -> None:
    """An issuer signs other tokens with the same key, and may name us in them. Raises `InvalidIdToken` for those."""
    kind = (token.header.typ or "JWT").lower().removeprefix("application/")
    if (
        kind != "jwt"
        or claims.token_use not in (None, "id")
        or claims.typ not in (None, "ID")
        or claims.scope is not None
        or claims.scp is not None
    ):
        raise InvalidIdToken("That token is no id token")

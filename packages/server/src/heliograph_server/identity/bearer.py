"""The caller of an HTTP request, from its `Authorization` header (RFC 6750)."""

from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from heliograph_server.errors import InvalidIdToken
from heliograph_server.identity.verifier import IdentityProvider, User

__all__ = ["bearer_token", "bearer_user"]


async def bearer_user(
    request: Request[Any, Any, Any], identity: NamedDependency[SkipValidation[IdentityProvider]]
) -> User:
    """The user whom the bearer token proves. Raises `InvalidIdToken`, `IdentityUnavailable`."""
    return await identity.verify(bearer_token(request))


def bearer_token(request: Request[Any, Any, Any]) -> str:
    """The token itself. Raises `InvalidIdToken` if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise InvalidIdToken("Send an id token: `Authorization: Bearer <id_token>`")
    return token

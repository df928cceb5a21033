"""OpenID Connect: any issuer that publishes a discovery document (OpenID Connect Discovery 1.0)."""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from heliograph_server.identity.documents import Documents, DocumentUnavailable
from heliograph_server.identity.jwks import InvalidKeySet, KeySet
from heliograph_server.identity.remote_issuer import RemoteIssuer
from heliograph_server.identity.remote_keys import RemoteKeys
from heliograph_server.identity.secure_url import is_secure

__all__ = ["oidc_issuer"]

DISCOVERY_PATH: Final = "/.well-known/openid-configuration"


class _Discovery(Struct):
    """Section 3, as far as it concerns those who verify tokens."""

    issuer: str
    jwks_uri: str


def oidc_issuer(
    issuer: str,
    audiences: frozenset[str],
    documents: Documents,
    *,
    clock: Callable[[], float],
    monotonic: Callable[[], float],
) -> RemoteIssuer:
    """The issuer at that URL. `clock` gives Unix seconds, `monotonic` seconds."""

    async def fetch() -> KeySet:
        return await _published_keys(issuer, documents)

    return RemoteIssuer(issuer, audiences, RemoteKeys(issuer, fetch, monotonic), clock)


async def _published_keys(issuer: str, documents: Documents) -> KeySet:
    """Where the keys are is asked each time: an issuer may move them.

    Raises `DocumentUnavailable`, `InvalidKeySet`.
    """
    url = issuer.removesuffix("/") + DISCOVERY_PATH
    try:
        discovery = msgspec.json.decode(await documents.fetch(url), type=_Discovery)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DocumentUnavailable(f"{url} is no discovery document of OpenID Connect") from error
    if discovery.issuer != issuer:
        raise DocumentUnavailable(f"{url} is of the issuer {discovery.issuer!r}: trust that, to the letter")
    if not is_secure(discovery.jwks_uri) or (issuer.startswith("https:") and discovery.jwks_uri.startswith("http:")):
        raise DocumentUnavailable(f"{url} has its keys at {discovery.jwks_uri!r}, which is not https")
    try:
        return KeySet(await documents.fetch(discovery.jwks_uri))
    except InvalidKeySet as error:
        raise InvalidKeySet(f"{discovery.jwks_uri}: {error}") from error

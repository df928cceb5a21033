"""What an operator may set for identity, and what does not go together."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from heliograph_server.identity.secure_url import is_secure

__all__ = ["COGNITO_VARIABLES", "app_client", "cognito_issuer", "identity_problems", "issuers", "region", "user_pool"]

COGNITO_VARIABLES: Final = {
    "cognito_region": "COGNITO_REGION",
    "cognito_user_pool_id": "COGNITO_USER_POOL_ID",
    "cognito_app_client_id": "COGNITO_APP_CLIENT_ID",
}
"""Read under the names that they have in deployments of the original; they matter only with Cognito."""

_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")
_USER_POOL: Final = re.compile(r"[a-z0-9-]+_[A-Za-z0-9]+")
_APP_CLIENT: Final = re.compile(r"[A-Za-z0-9_+]{1,128}")


def region(text: str) -> str:
    """An AWS region. Raises `ValueError`, as the others here do."""
    return _matching(_REGION, text, "an AWS region like us-east-1")


def user_pool(text: str) -> str:
    """The id of a Cognito user pool."""
    return _matching(_USER_POOL, text, "the id of a user pool, like us-east-1_AbCdEfGhI")


def app_client(text: str) -> str:
    """The id of an app client of a Cognito user pool."""
    return _matching(_APP_CLIENT, text, "the id of an app client")


def issuers(urls: tuple[str, ...]) -> tuple[str, ...]:
    """The URLs of OpenID Connect issuers, which have neither query nor fragment."""
    for url in urls:
        if not is_secure(url) or "?" in url or "#" in url or urlsplit(url).username is not None:
            raise ValueError("expected URLs like https://login.example.org, separated by commas")
    return urls


def cognito_issuer(region: str, user_pool_id: str) -> str:
    """What a pool's tokens have as `iss`, wherever the pool is spoken to."""
    return f"https://cognito-idp.{region}.amazonaws.com/{user_pool_id}"


def identity_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """What is missing or too much among the settings that were given, by field name: a line each."""
    kinds: tuple[str, ...] = values.get("identity") or ()
    if "cognito" in kinds:
        yield from _cognito_problems(values)
    yield from _oidc_problems(values, chosen="oidc" in kinds)


def _cognito_problems(values: Mapping[str, Any]) -> Iterator[str]:
    for field, variable in COGNITO_VARIABLES.items():
        if field not in values:
            yield f"{variable}: is needed with HELIOGRAPH_IDENTITY=cognito"
    where, pool = values.get("cognito_region"), values.get("cognito_user_pool_id")
    if where and pool and not pool.startswith(f"{where}_"):
        yield f"COGNITO_USER_POOL_ID={pool!r}: is not in COGNITO_REGION={where!r}"
    if where and pool and cognito_issuer(where, pool) in (values.get("oidc_issuer") or ()):
        yield "HELIOGRAPH_OIDC_ISSUER: names the Cognito user pool, which HELIOGRAPH_IDENTITY=cognito trusts already"


def _oidc_problems(values: Mapping[str, Any], *, chosen: bool) -> Iterator[str]:
    for field in ("oidc_issuer", "oidc_audience"):
        variable = f"HELIOGRAPH_{field.upper()}"
        if chosen and values.get(field, ()) == ():
            yield f"{variable}: is needed with HELIOGRAPH_IDENTITY=oidc"
        if not chosen and values.get(field, ()) != ():
            yield f"{variable}: is used with HELIOGRAPH_IDENTITY=oidc only"
    names, audiences = values.get("oidc_issuer") or (), values.get("oidc_audience") or ()
    if names and len(audiences) not in {0, 1, len(names)}:
        yield "HELIOGRAPH_OIDC_AUDIENCE: has to be one for all issuers, or one for each, in the same order"


def _matching(pattern: re.Pattern[str], text: str, expected: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"expected {expected}")
    return text

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from .realms import REGION, CognitoRealm, LocalRealm, OidcRealm, Realm

REALMS = ["local", "cognito", "oidc with RS256", "oidc with ES256"]


@pytest.fixture(scope="session")
def cognito_client(moto_url: str) -> Iterator[Any]:
    """boto3, for the tests' own use: made once, because that takes a second."""
    session = boto3.session.Session("test", "test", region_name=REGION)
    with contextlib.closing(session.client("cognito-idp", endpoint_url=moto_url)) as made:
        yield made


@pytest.fixture
async def cognito(
    aws: str, cognito_client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[CognitoRealm]:
    made = CognitoRealm(cognito_client, tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.web.url)
    made.open()
    yield made
    await made.close()


@pytest.fixture(params=["RS256", "ES256"])
async def oidc(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OidcRealm]:
    made = OidcRealm(request.param, tmp_path)
    yield made
    await made.close()


@pytest.fixture(params=REALMS)
async def realm(
    request: pytest.FixtureRequest, aws: str, cognito_client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Realm]:
    """Each identity provider in turn: the same tests run on all of them."""
    kind, _, algorithm = request.param.partition(" with ")
    made: Realm
    match kind:
        case "local":
            made = LocalRealm(tmp_path)
        case "cognito":
            made = CognitoRealm(cognito_client, tmp_path)
            monkeypatch.setenv("AWS_ENDPOINT_URL", made.web.url)
            made.open()
        case _:
            made = OidcRealm(algorithm, tmp_path)
    yield made
    await made.close()

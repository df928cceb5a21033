"""Fixtures of all server tests."""

from collections.abc import Iterator

import pytest
from emulator import AWS_ENVIRONMENT, running_moto


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The server runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """A moto server that all tests of a run share: what one of them makes there has a name of its own."""
    with running_moto() as url:
        yield url


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """boto3 finds moto in the place of AWS, and credentials for it. The URL of moto."""
    for name in ("AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    return moto_url

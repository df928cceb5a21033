"""A coturn for all tests of this folder."""

from collections.abc import Iterator

import pytest
from coturn import Coturn, running_coturn

SECRET = "correct horse:battery/staple+é"


@pytest.fixture(scope="session")
def secret() -> str:
    """What the coturn and this server share."""
    return SECRET


@pytest.fixture(scope="session")
def coturn(tmp_path_factory: pytest.TempPathFactory, secret: str) -> Iterator[Coturn]:
    """A coturn that knows the secret."""
    with running_coturn(tmp_path_factory.mktemp("coturn"), secret) as running:
        yield running

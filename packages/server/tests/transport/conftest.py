from collections.abc import AsyncIterator
from typing import Any

import pytest

from .serving import Served, serving


@pytest.fixture(params=["asyncio", pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop")])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Servers run on uvloop where there is one, and on asyncio where there is none."""
    return request.param


@pytest.fixture(params=["asgi", "picows"])
def transport(request: pytest.FixtureRequest) -> str:
    """Each transport passes each test."""
    return str(request.param)


@pytest.fixture
async def served(transport: str) -> AsyncIterator[Served]:
    """The small application, served."""
    async with serving(transport) as served:
        yield served

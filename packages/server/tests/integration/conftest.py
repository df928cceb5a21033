from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .running import RunningServer, running


@pytest.fixture(params=["picows", "asgi"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server with embedded defaults on free ports, through each of the transports."""
    async with running(tmp_path, transport=request.param) as server:
        yield server

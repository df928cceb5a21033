from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .running import RunningServer, running


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server with embedded defaults on free ports."""
    async with running(tmp_path) as server:
        yield server

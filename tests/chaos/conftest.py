import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """aiortc runs on asyncio alone."""
    return "asyncio"

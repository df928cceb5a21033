from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log lines: a state machine makes thousands."""
    with structlog.testing.capture_logs():
        yield

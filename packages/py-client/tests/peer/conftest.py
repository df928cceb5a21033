"""What all tests of connections have in common."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from heliograph.peer import link, liveness


@pytest.fixture
async def nothing_is_left_running() -> AsyncIterator[None]:
    """For every module of async tests: `pytestmark = pytest.mark.usefixtures("nothing_is_left_running")`."""
    before = asyncio.all_tasks()
    yield
    left = {task for task in asyncio.all_tasks() - before if "TestRunner" not in repr(task)}
    if left:  # aiortc's own tasks see within 20 ms that their connection is closed
        _, left = await asyncio.wait(left, timeout=1.0)
    assert left == set()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the times after which a path counts as lost."""
    for name in ("TICK_S", "PING_AFTER_S", "LOST_AFTER_S"):
        monkeypatch.setattr(liveness, name, getattr(liveness, name) / 10)
    monkeypatch.setattr(link, "REDIAL_ATTEMPT_S", 1.0)

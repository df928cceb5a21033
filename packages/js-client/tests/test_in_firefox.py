"""The browser SDK's own tests in Debian's Firefox: the modules that are about what browsers do differently."""

from collections.abc import AsyncIterator

import pytest
from bidi import Session
from browser_modules import RUN, check
from firefox import running_firefox

MODULES = ["channel", "connection", "disk", "messages", "redial", "restart", "rpc"]
TIMEOUT_S = 180


@pytest.fixture(scope="module")
async def firefox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Session]:
    """One browser for all modules."""
    async with running_firefox(tmp_path_factory.mktemp("firefox")) as session:
        yield session


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("module", MODULES)
async def test_module(site: str, firefox: Session, module: str) -> None:
    """Every test that the module declares passes, and nothing complains on the side."""
    tab = await firefox.open(f"{site}/tests/page.html")
    results = await tab.call(RUN, f"/tests/{module}.test.js")
    await tab.close()
    check(module, results, tab.console)

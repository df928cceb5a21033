"""The stage: a real server, real browsers, and what is kept when a story goes wrong."""

import re
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
from browser import LAUNCH_ARGS, find_browser
from playwright.async_api import Browser, async_playwright
from server_process import ServerProcess, running_server

RESULTS = Path("test-results")
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave a note on the test for the fixtures, which are torn down after it."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """asyncio, one loop for the whole run: the browser is shared."""
    return "asyncio"


@pytest.fixture
def results(request: pytest.FixtureRequest) -> Path:
    """Where this test leaves what helps to explain its failure."""
    return request.config.rootpath / RESULTS / re.sub(r"[^\w.-]+", "-", request.node.name)


@pytest.fixture
async def server(tmp_path: Path, request: pytest.FixtureRequest, results: Path) -> AsyncIterator[ServerProcess]:
    """A server with the embedded defaults, on free ports. Its log is kept if the test fails."""
    async with running_server(tmp_path / "data") as server:
        yield server
    if request.node.stash.get(FAILED, False):
        keep(results / "server.log", "\n".join(server.log))


def keep(path: Path, text: str) -> None:
    """Write a file, in a folder that may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser; pages come from `open_page`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
        yield browser
        await browser.close()

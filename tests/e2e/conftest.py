"""The stage: a real server, real browsers, and what is kept when a story goes wrong."""

import re
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
from browser import LAUNCH_ARGS, find_browser
from demo_page import FAILED, DemoPage, OpenPage
from echo import echo_worker
from playwright.async_api import Browser, async_playwright
from server_process import ServerProcess, running_server

import heliograph

RESULTS = Path("test-results")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave a note on the test for the fixtures, which are torn down after it."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, object]]:
    """asyncio on the loop that workers use, and the same one for the whole run: the browser is shared."""
    return "asyncio", {"use_uvloop": True}


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


@pytest.fixture
async def open_page(chromium: Browser, request: pytest.FixtureRequest, results: Path) -> AsyncIterator[OpenPage]:
    """Opens a URL as a person of their own: `await open_page(url)`. Screenshots are kept if the test fails.

    An exception, an error in the console or a violation of the page's policy fails any story.
    """
    pages: list[DemoPage] = []

    async def open_one(url: str) -> DemoPage:
        context = await chromium.new_context()
        pages.append(DemoPage(await context.new_page()))
        return await pages[-1].open(url)

    yield open_one
    for number, page in enumerate(pages, 1):
        if request.node.stash.get(FAILED, False):
            await page.page.screenshot(path=results / f"page-{number}.png", full_page=True)
            keep(results / f"page-{number}.console.log", "\n".join(page.console))
        await page.page.context.close()
    assert [complaint for page in pages for complaint in page.complaints] == []


@pytest.fixture
async def room(server: ServerProcess) -> heliograph.Room:
    """A room on the server."""
    return await heliograph.create_room(server.url)


@pytest.fixture
def link(server: ServerProcess, room: heliograph.Room) -> str:
    """The link to the room. With `&connect=<peer id>` behind it, the page connects to that peer by itself."""
    return f"{server.url}/#room={room.room_id}&token={room.token}"


@pytest.fixture
async def worker(link: str) -> AsyncIterator[heliograph.Worker]:
    """Worker-3108, in the room. Ask for it before `open_page`, and it is still there when a screenshot is taken."""
    async with echo_worker(link) as worker:
        yield worker

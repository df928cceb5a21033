"""The stage of the pages' stories: one server for all of them, a room each, and screens of two sizes."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from demo_page import FAILED, DemoPage, Look
from inspector_page import OPERATOR_TOKEN, Inspect, InspectorPage
from playwright.async_api import Browser, BrowserContext
from server_process import ServerProcess, running_server

import heliograph
from heliograph_server.demo_worker import demo_worker

SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "is_mobile": True,
        "device_scale_factor": 2,
    },
}
WATCH = (
    "addEventListener('securitypolicyviolation', ({ violatedDirective }) => console.error('CSP', violatedDirective));"
)


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    """Each story is played on a desk and on a phone."""
    return str(request.param)


@pytest.fixture(scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """The server of all stories. All come from one address, so it counts no sign-ins; nobody is away for long."""
    environ = {
        "HELIOGRAPH_SIGNIN_LIMIT": "0",
        "HELIOGRAPH_RESUME_WINDOW_S": "8",
        "HELIOGRAPH_OPERATOR_TOKEN": OPERATOR_TOKEN,
    }
    async with running_server(tmp_path_factory.mktemp("stage"), environ) as server:
        yield server


@pytest.fixture
async def room(stage: ServerProcess) -> heliograph.Room:
    """A room of this story's own."""
    return await heliograph.create_room(stage.url)


@pytest.fixture
def link(stage: ServerProcess, room: heliograph.Room) -> str:
    """The link to it."""
    return f"{stage.url}/#room={room.room_id}&token={room.token}"


@pytest.fixture
async def contexts(chromium: Browser) -> AsyncIterator[Callable[..., Awaitable[BrowserContext]]]:
    """Makes contexts that end with the story."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(size: str, **options: Any) -> BrowserContext:
            context = await chromium.new_context(**{**SIZES[size], "reduced_motion": "reduce", **options})
            stack.push_async_callback(context.close)
            await context.add_init_script(WATCH)
            return context

        yield make


@pytest.fixture
async def look(
    contexts: Callable[..., Awaitable[BrowserContext]], size: str, request: pytest.FixtureRequest, results: Path
) -> AsyncIterator[Look]:
    """Opens a URL: `await look(url)`. Any complaint of a page fails the story, whose screens are then kept."""
    pages: list[DemoPage] = []

    async def open_one(url: str, context: BrowserContext | None = None, **options: Any) -> DemoPage:
        page = DemoPage(await (context or await contexts(size, **options)).new_page())
        pages.append(page)
        return await page.open(url)

    yield open_one
    for number, page in enumerate(pages, 1):
        if request.node.stash.get(FAILED, False) and not page.page.is_closed():
            await page.page.screenshot(path=results / f"page-{number}.png")
    assert [complaint for page in pages for complaint in page.complaints] == []


@pytest.fixture
async def inspect(
    contexts: Callable[..., Awaitable[BrowserContext]], size: str, request: pytest.FixtureRequest, results: Path
) -> AsyncIterator[Inspect]:
    """Opens a page for the inspector: `await inspect()`. What the browser complains of fails the story."""
    pages: list[InspectorPage] = []

    async def open_one(**options: Any) -> InspectorPage:
        pages.append(InspectorPage(await (await contexts(size, **options)).new_page()))
        return pages[-1]

    yield open_one
    for number, page in enumerate(pages, 1):
        if request.node.stash.get(FAILED, False):
            await page.page.screenshot(path=results / f"inspector-{number}.png")
    assert [complaint for page in pages for complaint in page.complaints] == []


@pytest.fixture
async def worker(link: str, tmp_path: Path) -> AsyncIterator[heliograph.Worker]:
    """The demo's worker, in this story's room."""
    url, _, fragment = link.partition("/#")
    room, token = (pair.partition("=")[2] for pair in fragment.split("&"))
    async with demo_worker(url, room, token, "Worker-1", tmp_path) as worker:
        yield worker

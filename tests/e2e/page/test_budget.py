"""How much a page loads before anything is on the screen, and what it tells of the time that it takes."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from bench.data_channel import OPENED
from demo_page import OPEN_TIMEOUT_MS, Look
from playwright.async_api import BrowserContext, Page
from server_process import ServerProcess

README = Path(__file__).parents[3] / "web" / "demo" / "README.md"
LIMIT_KB = 60
MARGIN_KB = 2


async def test_the_first_screen_is_small_and_as_large_as_its_readme_says(
    stage: ServerProcess, contexts: Callable[..., Awaitable[BrowserContext]]
) -> None:
    page: Page = await (await contexts("desktop")).new_page()
    session = await page.context.new_cdp_session(page)
    sizes: dict[str, float] = {}
    urls: dict[str, str] = {}
    session.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    await session.send("Network.enable")
    await page.goto(stage.url, wait_until="networkidle")
    assert any(url.endswith("/joined/app.js") for url in urls.values())
    total_kb = sum(sizes.values()) / 1000
    assert 0 < total_kb < LIMIT_KB, {urls[key]: size for key, size in sizes.items()}
    [stated] = re.findall(r"first screen takes (\d+) KB", README.read_text("utf-8"))
    assert abs(total_kb - int(stated)) <= MARGIN_KB, f"web/demo/README.md says {stated} KB, and it is {total_kb:.1f}"


@pytest.mark.parametrize("size", ["desktop"], indirect=True)
@pytest.mark.usefixtures("worker")
async def test_it_marks_when_the_channel_is_open(link: str, look: Look) -> None:
    page = await look(f"{link}&connect=Worker-1")
    took_ms = await page.page.evaluate(OPENED)
    await page.is_connected()
    assert 0 < took_ms < OPEN_TIMEOUT_MS

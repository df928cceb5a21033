"""How much a page loads before anything is on the screen."""

from collections.abc import Awaitable, Callable

from playwright.async_api import BrowserContext, Page
from server_process import ServerProcess

LIMIT_BYTES = 60_000


async def test_the_first_screen_is_small(
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
    total = sum(sizes.values())
    assert 0 < total < LIMIT_BYTES, {urls[key]: size for key, size in sizes.items()}

"""The site, which is this package over HTTP, and a browser for it."""

import functools
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from browser import LAUNCH_ARGS, find_browser
from http_site import running_site
from playwright.sync_api import Browser, sync_playwright

PACKAGE = Path(__file__).parent.parent


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}  # noqa: RUF012 - as the base

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Leave the test's output alone."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The package over HTTP, as modules need it."""
    handler = functools.partial(QuietHandler, directory=str(PACKAGE))
    with running_site(handler) as url:
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all modules."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The browsers' libraries run on asyncio."""
    return "asyncio"

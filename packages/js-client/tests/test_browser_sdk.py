"""The browser SDK's own tests, run where it lives: each `*.test.js` module in a page of a real Chromium."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from browser import LAUNCH_ARGS, find_browser
from browser_modules import RUN, check
from playwright.sync_api import Browser, sync_playwright

PACKAGE = Path(__file__).parent.parent
MODULES = sorted(path.name for path in (PACKAGE / "tests").glob("*.test.js"))


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}  # noqa: RUF012 - as the base

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Leave the test's output alone."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The package over HTTP, as modules need it."""
    handler = functools.partial(QuietHandler, directory=str(PACKAGE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all modules."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
        yield browser
        browser.close()


@pytest.mark.parametrize("module", MODULES)
def test_module(site: str, chromium: Browser, module: str) -> None:
    """Every test that the module declares passes, and nothing complains on the side."""
    page = chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{site}/tests/page.html")
    results = page.evaluate(RUN, f"/tests/{module}")
    page.close()
    check(module, results, complaints)

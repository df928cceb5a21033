"""The browser SDK's own tests, run where it lives: each `*.test.js` module in a page of a real Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import LAUNCH_ARGS, find_browser
from browser_modules import RUN, check
from playwright.sync_api import Browser, sync_playwright

PACKAGE = Path(__file__).parent.parent
MODULES = sorted(path.name for path in (PACKAGE / "tests").glob("*.test.js"))


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

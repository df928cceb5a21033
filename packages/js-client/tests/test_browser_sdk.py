"""The browser SDK's own tests, run where it lives: each `*.test.js` module in a page of a real Chromium."""

from pathlib import Path

import pytest
from browser_modules import run_module
from playwright.sync_api import Browser

PACKAGE = Path(__file__).parent.parent
MODULES = sorted(path.name for path in (PACKAGE / "tests").glob("*.test.js"))


@pytest.mark.parametrize("module", MODULES)
def test_module(site: str, chromium: Browser, module: str) -> None:
    """Every test that the module declares passes, and nothing complains on the side."""
    page = chromium.new_page()
    run_module(page, site, f"/tests/{module}")

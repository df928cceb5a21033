"""The browser SDK's own tests, run where it lives: each `*.test.js` module in a page of a real Chromium."""

from pathlib import Path

import pytest
from browser_modules import run_module
from playwright.sync_api import Browser

PACKAGE = Path(__file__).parent.parent
STAYING = "**/src/staying.js"
RETRY_MS = 30_000
MODULES = sorted(path.name for path in (PACKAGE / "tests").glob("*.test.js"))


@pytest.mark.parametrize("module", MODULES)
def test_module(site: str, chromium: Browser, module: str) -> None:
    """Every test that the module declares passes, and nothing complains on the side."""
    page = chromium.new_page()
    run_module(page, site, f"/tests/{module}")


ENTERED = """async (retryMs) => {
  const { setTimeout } = globalThis;
  globalThis.retries = 0;
  globalThis.setTimeout = (step, ms) => {
    if (ms === retryMs) globalThis.retries += 1;
    return setTimeout(step, ms);
  };
  const { FakeServer } = await import('/tests/fake-server.js');
  const { enter } = await import('/tests/pair.js');
  globalThis.session = await enter(new FakeServer(2), 'a');
}"""


def test_a_session_lives_without_what_it_needs_to_stay_until_that_can_be_loaded(site: str, chromium: Browser) -> None:
    """Nothing is thrown on the side when that part cannot be loaded, and it is asked for again."""
    page = chromium.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.clock.install()
    page.goto(f"{site}/tests/page.html")
    page.route(STAYING, lambda route: route.abort())
    page.evaluate(ENTERED, RETRY_MS)
    page.wait_for_function("retries === 1")
    page.clock.run_for(RETRY_MS)
    page.wait_for_function("retries === 2")
    page.unroute(STAYING)
    with page.expect_response(STAYING) as response:
        page.clock.run_for(RETRY_MS)
    assert response.value.ok
    assert page.evaluate("session.ping()") == 0
    assert errors == []
    page.close()

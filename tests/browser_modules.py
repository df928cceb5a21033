"""Running the browser SDK's test modules in a page."""

from typing import Any

from playwright.sync_api import Page

__all__ = ["RUN", "check", "run_module"]

RUN = """async (module) => {
  const { run } = await import('/tests/harness.js');
  await import(module);
  return run();
}"""


def run_module(page: Page, site: str, module: str) -> None:
    """Run a module's tests in a page, which is closed after it. Whatever the console says is a complaint."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{site}/tests/page.html")
    results = page.evaluate(RUN, module)
    page.close()
    check(module, results, complaints)


def check(module: str, results: list[dict[str, Any]], complaints: list[str]) -> None:
    """Every test that the module declares passed, and nothing complained on the side."""
    failures = [f"{result['name']}\n    {result['error']}" for result in results if result["error"]]
    assert results, f"{module} declares no test"
    assert not failures, f"{len(failures)} of {len(results)} failed:\n" + "\n".join(failures)
    assert not complaints

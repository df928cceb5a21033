"""Running the browser SDK's test modules in a page."""

from typing import Any

__all__ = ["RUN", "check"]

RUN = """async (module) => {
  const { run } = await import('/tests/harness.js');
  await import(module);
  return run();
}"""


def check(module: str, results: list[dict[str, Any]], complaints: list[str]) -> None:
    """Every test that the module declares passed, and nothing complained on the side."""
    failures = [f"{result['name']}\n    {result['error']}" for result in results if result["error"]]
    assert results, f"{module} declares no test"
    assert not failures, f"{len(failures)} of {len(results)} failed:\n" + "\n".join(failures)
    assert not complaints

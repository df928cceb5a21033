"""axe-core on a page: what is seriously wrong with the screen that it shows, in light and in dark."""

from pathlib import Path
from typing import Literal

from playwright.async_api import Page

__all__ = ["passes"]

AXE = Path(__file__).parent / "e2e" / "node_modules" / "axe-core" / "axe.min.js"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) =>
    `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join(' | ')}`);
}"""


async def passes(page: Page) -> None:
    """What is on the screen now has no serious or critical fault. The page's policy has to let axe in: `bypass_csp`."""
    if not await page.evaluate("'axe' in window"):
        await page.add_script_tag(path=AXE)
    faults = {}
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        faults[scheme] = await page.evaluate(RUN)
    assert faults == {scheme: [] for scheme in SCHEMES}

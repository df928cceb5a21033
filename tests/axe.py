"""axe-core on a page: what is seriously wrong with the screen that it shows, in light and in dark."""

from pathlib import Path
from typing import Literal

from playwright.async_api import Page

__all__ = ["passes"]

AXE = Path(__file__).parent / "e2e" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async (only) => {
  const options = { resultTypes: ['violations'], ...(only && { runOnly: only }) };
  const { violations } = await axe.run(document, options);
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) =>
    `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join(' | ')}`);
}"""
LOOKS: dict[Literal["light", "dark"], list[str] | None] = {
    "dark": ["color-contrast", "link-in-text-block"],
    "light": None,
}
"""By which rules, all if none are named: in the dark the pages' style sheets change colours, and nothing else."""


async def passes(page: Page) -> None:
    """What is on the screen now has no serious or critical fault. The page's policy has to let axe in: `bypass_csp`."""
    if not await page.evaluate("'axe' in window"):
        await page.add_script_tag(path=AXE)
    faults: list[str] = []
    for scheme, rules in LOOKS.items():
        await page.emulate_media(color_scheme=scheme)
        faults += [f"{scheme}: {fault}" for fault in await page.evaluate(RUN, rules)]
    assert not faults, "\n".join(faults)

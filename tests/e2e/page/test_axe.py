"""Every screen, in light and dark, before axe-core: nothing serious, nothing critical."""

from pathlib import Path

import pytest
from demo_page import DemoPage, Look
from playwright.async_api import expect
from server_process import ServerProcess

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) =>
    `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join(' | ')}`);
}"""


async def passes(page: DemoPage) -> None:
    """What is on the screen now has no serious fault."""
    if not await page.page.evaluate("'axe' in window"):
        await page.page.add_script_tag(path=AXE)
    assert await page.page.evaluate(RUN) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.usefixtures("worker")
async def test_no_screen_has_a_serious_fault(stage: ServerProcess, link: str, look: Look, scheme: str) -> None:
    options = {"color_scheme": scheme, "bypass_csp": True}  # or axe itself would not get in
    start = await look(stage.url, **options)
    await passes(start)
    await start.find("join-room").click()
    await passes(start)
    await start.create_room()
    await start.is_online()
    await start.look_at("talk")
    await expect(start.find("idle-qr").locator("img")).to_be_visible()
    await passes(start)
    await start.find("invite").click()
    await expect(start.find("qr-code").locator("img")).to_be_visible()
    await passes(start)

    refused = await look(f"{link}x", **options)
    await expect(refused.find("error-banner")).to_be_visible()
    await passes(refused)

    page = await look(link, **options)
    await passes(page)
    await page.connect("Worker-1")
    await page.chat("hello")
    await page.hears("hello")
    await page.find("file-input").set_input_files({"name": "x.bin", "mimeType": "", "buffer": bytes(100_000)})
    await expect(page.find("file-item")).to_have_attribute("data-state", "done")
    call = await page.call("train", "2")
    await expect(call).to_have_attribute("data-state", "done")
    for view in ("talk", "people", "link"):
        await page.look_at(view)
        if view == "link":
            await expect(page.find("candidate-pair")).to_be_visible()
        await passes(page)

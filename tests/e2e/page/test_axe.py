"""Every screen, in light and dark, before axe-core: nothing serious, nothing critical."""

import pytest
from axe import passes
from demo_page import Look
from playwright.async_api import expect
from server_process import ServerProcess


@pytest.mark.usefixtures("worker")
async def test_no_screen_has_a_serious_fault(stage: ServerProcess, link: str, look: Look) -> None:
    start = await look(stage.url, bypass_csp=True)
    await passes(start.page)
    await start.find("join-room").click()
    await passes(start.page)
    await start.create_room()
    await start.is_online()
    await start.look_at("talk")
    await expect(start.find("idle-qr").locator("img")).to_be_visible()
    await passes(start.page)
    await start.find("invite").click()
    await expect(start.find("qr-code").locator("img")).to_be_visible()
    await passes(start.page)

    refused = await look(f"{link}x", bypass_csp=True)
    await expect(refused.find("error-banner")).to_be_visible()
    await passes(refused.page)

    page = await look(link, bypass_csp=True)
    await passes(page.page)
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
        await passes(page.page)

"""What others say is text: in names, tags, properties, messages, results and files, however much of it there is."""

import asyncio
from pathlib import Path

from demo_page import DemoPage, Look
from playwright.async_api import expect

import heliograph

MARKUP = "<img src=x onerror=\"document.title='caught'\"><script>document.title='caught'</script>"
PASTE = """(area) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', '0123456789'.repeat(1e6));
  area.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}"""
FRAME = 250_000
FRAMES = 40


async def is_unharmed(page: DemoPage) -> None:
    """Nothing of it became an element, and nothing ran."""
    assert await page.page.locator("body img[src=x], body script:not([src])").count() == 0
    assert "caught" not in await page.page.title()


async def test_markup_stays_text_everywhere(link: str, look: Look, tmp_path: Path) -> None:
    worker = heliograph.Worker(
        link,
        peer_id="Worker-1",
        role=MARKUP[:60],
        tags=[MARKUP, "x" * 128],
        properties={MARKUP: MARKUP, "deep": [{MARKUP: 1}]},
    )

    @worker.on_channel("chat")
    async def greet(channel: heliograph.Channel) -> None:
        await channel.send(MARKUP)
        async for message in channel:
            await channel.send(message)

    @worker.rpc("markup")
    async def markup() -> str:
        return MARKUP

    source = tmp_path / "<b onclick=alert(1)>.txt"
    source.write_text(MARKUP)
    async with worker:
        page = await look(link)
        await page.connect("Worker-1")
        await page.hears(MARKUP)
        await page.chat(f"again {MARKUP}")
        await page.hears(f"again {MARKUP}")
        call = await page.call("markup")
        await expect(call.get_by_test_id("call-line")).to_have_text(MARKUP)
        await page.send_file(source)
        await expect(page.find("file-name")).to_have_text(source.name)
        await page.look_at("people")
        card = page.peer("Worker-1")
        await expect(card.get_by_test_id("peer-tags")).to_contain_text("<img src=x onerror=")
        await expect(card.get_by_test_id("peer-properties")).to_contain_text("<script>")
        assert await page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            "It pushes the page apart"
        )
        await is_unharmed(page)


async def test_ten_megabytes_of_text_from_the_other_side(link: str, look: Look) -> None:
    worker = heliograph.Worker(link, peer_id="Worker-1")
    done = asyncio.Event()

    @worker.on_channel("chat")
    async def flood(channel: heliograph.Channel) -> None:
        for number in range(FRAMES):
            await channel.send(f"{number} {MARKUP}".ljust(FRAME, "x"))
        await channel.send("that was all")
        done.set()
        async for _ in channel:
            pass

    async with worker:
        page = await look(f"{link}&connect=Worker-1")
        async with asyncio.timeout(30):
            await done.wait()
        await page.hears("that was all")
        messages = page.find("chat-message")
        length = await messages.evaluate_all(
            "(all) => all.reduce((sum, { textContent }) => sum + textContent.length, 0)"
        )
        assert length < 200_000, "All of it is drawn"
        await messages.filter(has_text="39 <img").locator(".message-more").click()
        await expect(page.find("chat-input")).to_be_enabled()
        await is_unharmed(page)


async def test_ten_megabytes_of_text_pasted_go_as_a_file(link: str, look: Look) -> None:
    ann, bob = await look(link), await look(link)
    await ann.find("connect-button").click()
    await ann.is_connected()
    await ann.look_at("talk")
    await ann.find("chat-input").evaluate(PASTE)
    file = bob.page.locator('[data-testid="file-item"][data-direction="in"]')
    await bob.look_at("talk")
    await expect(file).to_have_attribute("data-state", "done", timeout=30_000)
    await expect(file.get_by_test_id("file-name")).to_have_text("message.txt")
    await expect(file.get_by_test_id("file-status")).to_contain_text("10.0 MB")
    await ann.chat("and a short one")
    await bob.hears("and a short one")

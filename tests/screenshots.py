"""`nox -s screenshots`: the pictures of the pages in the documents, made from the pages as they are.

A real server, the demo's worker and another one, and a page that is worked as a person would. Each screen is taken
light and dark, at the sizes of a desktop and of a phone.
"""

import asyncio
import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from browser import LAUNCH_ARGS, find_browser
from inspector_page import OPERATOR_TOKEN, InspectorPage, raw_peer, say
from PIL import Image
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from server_process import ServerProcess, running_server

import heliograph

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
DEMO_WORKER: Final = "Worker-1"
OTHER_WORKER: Final = "GPU-Node-7"
COLOURS: Final = 256
WAIT_MS: Final = 30_000
ALL_BYTES: Final = 1_500_000
"""What all of the pictures may take: everybody who clones the repository gets them."""
SIZES: Final = {
    "desktop": {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": 1},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
}
OPERATOR: Final = {"HELIOGRAPH_OPERATOR_TOKEN": OPERATOR_TOKEN}
CANDIDATE: Final = "candidate:1 1 udp 1 192.0.2.7 9 typ"
SDP: Final = f"v=0\r\na={CANDIDATE}"
SCHEMES: Final = ("light", "dark")


class Photographer:
    """One page at one size, and where its pictures go."""

    def __init__(self, page: Page, size: str) -> None:
        self.page = page
        self._size = size

    def find(self, name: str) -> Locator:
        """The element with that `data-testid`."""
        return self.page.get_by_test_id(name)

    async def turn_to(self, view: str) -> None:
        """On a small screen, to that part of the room: `people`, `talk` or `link`."""
        button = self.page.locator(f'.views [data-view="{view}"]')
        if await button.is_visible():
            await button.click()

    async def take(self, name: str) -> None:
        """A picture of what is in view, in each scheme."""
        for scheme in SCHEMES:
            await self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            keep(await self.page.screenshot(animations="disabled", caret="hide"), f"{name}-{self._size}-{scheme}")


def keep(png: bytes, name: str) -> None:
    """Write a picture with a palette, which is a third of the size and looks the same."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    small = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    small.save(IMAGES / f"{name}.png", optimize=True)


@contextlib.asynccontextmanager
async def workers(server: ServerProcess, room: str, token: str) -> AsyncIterator[None]:
    """The demo's worker, and one that has a graphics card."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "heliograph_server.demo_worker", server.url, room, DEMO_WORKER),
        env={**os.environ, "HELIOGRAPH_TOKEN": token},
        stdout=subprocess.DEVNULL,
    )
    properties = {"gpu_model": "RTX 4090", "gpu_memory_mb": 24_564, "status": "available"}
    other = heliograph.Worker(
        server.url, room=room, token=token, peer_id=OTHER_WORKER, tags=["gpu", "training"], properties=properties
    )
    try:
        async with other:
            yield
    finally:
        process.terminate()
        await process.wait()


async def talk(here: Photographer, folder: Path) -> None:
    """A conversation with the demo's worker: words, a call whose results stream, a file."""
    card = here.page.locator(f'[data-testid="peer-item"][data-peer="{DEMO_WORKER}"]')
    await here.turn_to("people")
    await card.get_by_test_id("connect-button").click()
    await expect(here.find("connection-state")).to_have_attribute("data-state", "open", timeout=WAIT_MS)
    await here.turn_to("talk")
    for text in ("Is the model ready?", "Then let us begin."):
        await here.find("chat-input").fill(text)
        await here.find("chat-send").click()
        said = here.page.locator('[data-testid="chat-message"][data-direction="in"]').filter(has_text=text)
        await expect(said).to_be_visible(timeout=WAIT_MS)
    await here.find("call-mode").click()
    await here.find("call-method").fill("train")
    await here.find("call-argument").fill("4")
    await here.find("call-send").click()
    await expect(here.find("call-item").last).to_have_attribute("data-state", "done", timeout=WAIT_MS)
    readings = folder / "readings.bin"
    readings.write_bytes(os.urandom(12_000_000))
    await here.find("file-input").set_input_files(readings)
    await expect(here.find("file-item").last).to_have_attribute("data-state", "done", timeout=WAIT_MS)


async def demo_page(browser: Browser, server: ServerProcess, size: str, folder: Path) -> None:
    """The start, a room with a conversation in it, what carries it, and how that came about."""
    context = await browser.new_context(**SIZES[size], locale="en-GB")  # type: ignore[arg-type] # of several kinds
    here = Photographer(await context.new_page(), size)
    await here.page.goto(server.url)
    await expect(here.find("create-room")).to_be_visible()
    await here.take("start")
    await here.find("create-room").click()
    await expect(here.find("room-link")).to_have_attribute("href", re.compile("#room="))
    link = parse_qs(str(await here.find("room-link").get_attribute("href")).partition("#")[2])
    async with workers(server, link["room"][0], link["token"][0]):
        await expect(here.find("peer-item")).to_have_count(2, timeout=WAIT_MS)
        await talk(here, folder)
        await here.take("room")
        await here.turn_to("link")
        await expect(here.find("candidate-pair")).to_be_visible()
        if size == "desktop":  # where the picture of the room has its beginning
            await here.find("timeline").locator("li").last.scroll_into_view_if_needed()
        await here.take("path")
        await inspector(here, size)
    await context.close()


async def inspector(room: Photographer, size: str) -> None:
    """What the room's creator sees of how the two connected."""
    async with room.page.expect_popup() as opened:
        await room.find("inspect").click()
    here = Photographer(await opened.value, size)
    await expect(here.find("room-view")).to_be_visible(timeout=WAIT_MS)
    pair = here.find("pair").filter(has_text=DEMO_WORKER)
    await pair.click()
    await expect(here.find("verdict")).to_be_visible(timeout=WAIT_MS)
    await expect(here.find("entry").first).to_be_visible()
    if size == "desktop":  # all of it is in view
        await here.page.evaluate("() => scrollTo(0, 0)")
    await here.take("inspector")
    await here.page.close()


async def trouble(browser: Browser, server: ServerProcess, size: str) -> None:
    """Two peers that found no path to each other, before the operator; and the whole server."""
    context = await browser.new_context(**SIZES[size], locale="en-GB")  # type: ignore[arg-type] # of several kinds
    here = Photographer(await context.new_page(), size)
    page = await InspectorPage(here.page).sign_in(server.url)
    room = await heliograph.create_room(server.url)
    one, other = "Client-1489", "Worker-3108"
    async with (
        raw_peer(server, room, one, role="client", protocol=2) as client,
        raw_peer(server, room, other, role="worker", protocol=2) as worker,
    ):
        await say(client, {"type": "offer", "target": other, "sdp": f"{SDP} host\r\n"})
        await say(client, {"type": "candidate", "target": other, "candidate": f"{CANDIDATE} srflx"})
        await say(worker, {"type": "answer", "target": one, "sdp": f"{SDP} host\r\n"})
        await say(worker, {"type": "candidate", "target": one, "candidate": None})
        await say(client, {"type": "offer", "target": "Worker-9", "sdp": SDP})
        await expect(page.row("rooms", room.room_id)).to_be_visible()
        await here.take("server")
        await page.row("rooms", room.room_id).get_by_role("link").click()
        await page.explain(one, other)
        await expect(page.entries("answer")).to_be_visible()
        await say(client, {"type": "report", "peer_id": other, "state": "failed"})
        await page.verdict("no_path_one_side_host")
        await here.take("trouble")
    await context.close()


async def main() -> None:
    """Take all of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with async_playwright() as playwright, running_server(folder / "data", OPERATOR) as server:
            browser = await playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
            for size in SIZES:
                await demo_page(browser, server, size, folder)
                await trouble(browser, server, size)
            await browser.close()
    taken = sum(path.stat().st_size for path in IMAGES.glob("*.png"))
    print(f"docs/images has {taken / 1e6:.2f} MB of pictures")
    if taken > ALL_BYTES:
        raise SystemExit(f"That is more than {ALL_BYTES / 1e6:.1f} MB")


if __name__ == "__main__":
    asyncio.run(main())

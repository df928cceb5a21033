"""Every screen of the inspector, light and dark, small and large, before axe-core: nothing serious."""

from pathlib import Path

import pytest
from inspector_page import OPERATOR_TOKEN, InspectorPage, raw_peer, say
from playwright.async_api import Browser, expect
from server_process import running_server

import heliograph

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
FAULTS = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const words = (id) => ({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`;
  return serious.flatMap(({ id, nodes }) => nodes.map(words(id)));
}"""


async def passes(page: InspectorPage) -> None:
    """What is on the screen now has no serious fault."""
    if not await page.page.evaluate("'axe' in window"):
        await page.page.add_script_tag(path=AXE)
    assert await page.page.evaluate(FAULTS) == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
async def test_no_screen_has_a_serious_fault(chromium: Browser, tmp_path: Path, scheme: str, width: int) -> None:
    look = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    context = await chromium.new_context(**look, bypass_csp=True)  # type: ignore[arg-type]  # or axe would not get in
    page = InspectorPage(await context.new_page())
    async with running_server(tmp_path / "data", {"HELIOGRAPH_OPERATOR_TOKEN": OPERATOR_TOKEN}) as server:
        await page.sign_in(server.url, "wrong")
        await expect(page.find("gate-trouble")).not_to_be_empty()
        await passes(page)
        await page.sign_in(server.url)
        room = await heliograph.create_room(server.url)
        async with raw_peer(server, room, "ann") as ann, raw_peer(server, room, "bob"):
            await say(ann, {"type": "offer", "target": "bob", "sdp": "v=0"})
            await say(ann, {"type": "offer", "target": "nobody", "sdp": ""})
            await expect(page.row("rooms", room.room_id)).to_contain_text("2")
            await passes(page)
            await page.row("rooms", room.room_id).get_by_role("link").click()
            await expect(page.row("pairs", "ann nobody")).to_be_visible()
            await passes(page)
            await page.explain("ann", "nobody")
            await page.verdict("never_there")
            await passes(page)
            await page.explain("ann", "bob")
            await say(ann, {"type": "report", "peer_id": "bob", "state": "connected"})
            await page.verdict("connected")
            await passes(page)
            await page.row("peers", "ann").get_by_role("button").click()
            await expect(page.find("focus-title")).to_have_text("ann")
            await passes(page)
    await context.close()

"""Every screen of the inspector, in light and dark, before axe-core: nothing serious, nothing critical."""

from axe import passes
from inspector_page import Inspect, raw_peer, say
from playwright.async_api import expect
from server_process import ServerProcess

import heliograph


async def test_no_screen_has_a_serious_fault(stage: ServerProcess, room: heliograph.Room, inspect: Inspect) -> None:
    page = await inspect(bypass_csp=True)
    await page.sign_in(stage.url, "wrong")
    await expect(page.find("gate-trouble")).not_to_be_empty()
    await passes(page.page)
    await page.sign_in(stage.url)
    async with raw_peer(stage, room, "ann") as ann, raw_peer(stage, room, "bob"):
        await say(ann, {"type": "offer", "target": "bob", "sdp": "v=0"})
        await say(ann, {"type": "offer", "target": "nobody", "sdp": ""})
        await expect(page.row("rooms", room.room_id)).to_contain_text("2")
        await passes(page.page)
        await page.row("rooms", room.room_id).get_by_role("link").click()
        await expect(page.row("pairs", "ann nobody")).to_be_visible()
        await passes(page.page)
        await page.explain("ann", "nobody")
        await page.verdict("never_there")
        await passes(page.page)
        await page.explain("ann", "bob")
        await say(ann, {"type": "report", "peer_id": "bob", "state": "connected"})
        await page.verdict("connected")
        await passes(page.page)
        await page.row("peers", "ann").get_by_role("button").click()
        await expect(page.find("focus-title")).to_have_text("ann")
        await passes(page.page)

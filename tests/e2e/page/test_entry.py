"""Getting in: a room of one's own, a link, a code, and what is said when that does not work."""

import re
import time
from collections.abc import Awaitable, Callable

import pytest
from demo_page import Look
from playwright.async_api import BrowserContext, expect
from server_process import ServerProcess

import heliograph
from heliograph_server.identity.local import LocalIdentity


async def test_a_new_room_has_a_link_and_a_code_to_scan(stage: ServerProcess, look: Look) -> None:
    page = await look(stage.url)
    asked = []
    page.page.on("request", lambda request: asked.append((request.method, request.url)))
    link = await page.create_room()
    await page.is_online()
    await expect(page.page).to_have_title(re.compile(await page.find("room-id").inner_text()))
    await page.find("invite").click()
    picture = page.find("qr-code").locator("img")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") > 20
    await expect(picture).to_have_attribute("alt", re.compile("QR code"))
    token = link.partition("token=")[2]
    assert ("POST", f"{stage.url}/qr") in asked
    assert not [url for _, url in asked if token in url.partition("#")[0]]
    assert not [line for line in stage.log if token in line]
    await page.page.keyboard.press("Escape")
    await expect(page.find("invite-dialog")).to_be_hidden()
    await expect(page.find("invite")).to_be_focused()


async def test_a_pasted_link_and_a_typed_code(link: str, look: Look) -> None:
    start = link.partition("#")[0]
    room, token = re.findall(r"=([^&]+)", link)
    pasting = await look(start)
    await pasting.find("join-room-id").fill(link)
    await expect(pasting.find("join-token")).to_have_value(token)
    await pasting.find("join-room").click()
    typing = await look(start)
    await typing.find("join-room-id").fill(room)
    await typing.find("join-token").fill(token)
    await typing.find("join-token").press("Enter")
    for page in (pasting, typing):
        await page.is_online()
        await expect(page.find("peer-item")).to_have_count(1)


@pytest.mark.parametrize(
    ("room", "words", "field"),
    [
        ("", "Paste the link", "join-room-id"),
        ("https://example.org/", "Copy all of it", "join-room-id"),
        ("k3x9p2ab", "token is missing", "join-token"),
    ],
)
async def test_what_is_missing_is_said_at_its_field(
    stage: ServerProcess, look: Look, room: str, words: str, field: str
) -> None:
    page = await look(stage.url)
    await page.find("join-room-id").fill(room)
    await page.find("join-room").click()
    await expect(page.find("join-hint")).to_contain_text(words)
    await expect(page.find(field)).to_be_focused()
    await expect(page.find(field)).to_have_attribute("aria-invalid", "true")


async def test_all_of_it_by_keyboard(stage: ServerProcess, look: Look, size: str) -> None:
    page = await look(stage.url)
    keys = page.page.keyboard

    async def tab_to(name: str) -> None:
        for _ in range(40):
            if await page.find(name).evaluate("(element) => element === document.activeElement"):
                return
            await keys.press("Tab")
        raise AssertionError(f"The Tab key does not lead to {name}")

    await tab_to("create-room")
    await keys.press("Enter")
    await page.is_online()
    await expect(page.page.locator("#room-title")).to_be_focused()
    link = await page.find("room-link").get_attribute("href")
    other = await look(str(link))
    await expect(page.find("peer-item")).to_have_count(1)
    await tab_to("connect-button")
    await keys.press("Enter")
    await page.is_connected()
    await tab_to("chat-input")
    await keys.type("typed")
    await keys.press("Enter")
    await other.look_at("talk")
    await other.hears("typed")
    if size == "desktop":
        await tab_to("leave-room")
        await keys.press("Space")
        await expect(page.find("create-room")).to_be_focused()


async def test_the_link_is_copied(
    link: str, contexts: Callable[..., Awaitable[BrowserContext]], size: str, look: Look
) -> None:
    page = await look(link, await contexts(size, permissions=["clipboard-read", "clipboard-write"]))
    await page.is_online()
    await page.find("invite").click()
    await page.find("copy-link").click()
    await expect(page.find("copy-link")).to_have_text("Copied")
    assert await page.page.evaluate("navigator.clipboard.readText()") == link


NAMED = "sessionStorage['heliograph:identity'] ??= JSON.stringify({ peerId: 'Browser-7', idToken: '%s' })"


@pytest.mark.usefixtures("worker")
async def test_under_another_name_it_connects_to_the_same_peer(
    stage: ServerProcess, link: str, contexts: Callable[..., Awaitable[BrowserContext]], size: str, look: Look
) -> None:
    token = LocalIdentity(stage._data_dir, time.time).mint("anon-ann", 600)
    async with heliograph.Worker(link, peer_id="Browser-7"):
        context = await contexts(size)
        await context.add_init_script(NAMED % token)
        page = await look(f"{link}&connect=Worker-1", context)
        await page.is_connected()
        await expect(page.find("connection-peer")).to_have_text("Worker-1")
        assert await page.own_id() != "Browser-7"


EXPIRY_NOTICE_S = 300


async def test_a_room_that_soon_lets_nobody_in_says_so(stage: ServerProcess, look: Look) -> None:
    room = await heliograph.create_room(stage.url, ttl_s=EXPIRY_NOTICE_S + 4)
    page = await look(f"{stage.url}/#room={room.room_id}&token={room.token}")
    await page.is_online()
    await expect(page.find("server-state")).to_have_text("In the room. Soon nobody new gets in", timeout=20_000)
    await expect(page.find("server-state")).to_be_visible()

"""What goes wrong is told to the person in front of the page, in words."""

import re

from demo_page import DemoPage, OpenPage
from playwright.async_api import expect
from server_process import ServerProcess

import heliograph


async def test_the_wrong_token(server: ServerProcess, room: heliograph.Room, open_page: OpenPage) -> None:
    page = await open_page(f"{server.url}/#room={room.room_id}&token=wrong")
    await tells(page, "token|link")


async def test_a_room_that_does_not_exist(server: ServerProcess, room: heliograph.Room, open_page: OpenPage) -> None:
    page = await open_page(f"{server.url}/#room=nowhere1&token={room.token}")
    await tells(page, "room")


async def tells(page: DemoPage, words: str) -> None:
    """The page says something like it, as one person would to another."""
    banner = page.find("error-banner")
    await expect(banner).to_be_visible()
    await expect(banner).to_have_text(re.compile(words, re.IGNORECASE))
    await expect(banner).not_to_have_text(re.compile(r"INVALID_|NOT_FOUND|undefined|\[object"))


async def test_a_server_that_is_gone(server: ServerProcess, open_page: OpenPage) -> None:
    page = await open_page(server.url)
    page.forgive("ERR_CONNECTION_REFUSED")
    await server.stop()
    await page.find("create-room").click()
    await expect(page.find("error-banner")).to_be_visible()
    await server.start()
    assert "#room=" in await page.create_room()

"""What goes wrong is told to the person in front of the page, in words."""

import re

from demo_page import DemoPage, Look
from playwright.async_api import expect
from server_process import ServerProcess, out_of_service

import heliograph


async def test_the_wrong_token(stage: ServerProcess, room: heliograph.Room, look: Look) -> None:
    page = await look(f"{stage.url}/#room={room.room_id}&token=wrong")
    await tells(page, "token|link")


async def test_a_room_that_does_not_exist(stage: ServerProcess, room: heliograph.Room, look: Look) -> None:
    page = await look(f"{stage.url}/#room=nowhere1&token={room.token}")
    await tells(page, "room")


async def tells(page: DemoPage, words: str) -> None:
    """The page says something like it, as one person would to another, where it is seen."""
    banner = page.find("error-banner")
    await expect(banner).to_be_in_viewport()
    await expect(banner).to_have_text(re.compile(words, re.IGNORECASE))
    await expect(banner).not_to_have_text(re.compile(r"INVALID_|NOT_FOUND|undefined|\[object"))
    assert await page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "It pushes the page apart"


async def test_a_server_that_is_gone(stage: ServerProcess, look: Look) -> None:
    page = await look(stage.url)
    page.forgive("ERR_CONNECTION_REFUSED|503")
    async with out_of_service(stage):
        await page.find("create-room").click()
        await tells(page, "server")
    assert "#room=" in await page.create_room()

"""The main job: a page finds a Python worker in a room and talks to it directly."""

import hashlib
import re
from pathlib import Path

import pytest
from demo_page import OpenPage
from echo import echo_worker
from playwright.async_api import expect


@pytest.mark.usefixtures("worker")
async def test_a_page_chats_with_a_worker(link: str, open_page: OpenPage) -> None:
    page = await open_page(link)
    await page.connect("Worker-3108")
    for text in ("hello", "naïve — ☀", "<b>not markup</b>"):
        await page.chat(text)
        await page.hears(f": {text}")
    await expect(page.find("pair-type")).to_have_attribute("data-type", re.compile("host|prflx"))


@pytest.mark.usefixtures("worker")
async def test_a_link_that_names_the_worker_connects_by_itself(link: str, open_page: OpenPage, tmp_path: Path) -> None:
    source = tmp_path / "readings.csv"
    source.write_text("t,v\n0,1.5\n")
    page = await open_page(f"{link}&connect=Worker-3108")
    await page.is_connected()
    await page.send_file(source)
    await page.has_sent(hashlib.sha256(b"t,v\n0,1.5\n").hexdigest())


async def test_a_worker_that_comes_later_appears_on_the_page(link: str, open_page: OpenPage) -> None:
    page = await open_page(link)
    await expect(page.find("peer-item")).to_have_count(0)
    async with echo_worker(link):
        await expect(page.peer("Worker-3108")).to_be_visible()
    await expect(page.peer("Worker-3108")).to_be_hidden()

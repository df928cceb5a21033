"""Two clients at one worker: each has its own conversation, and a full worker says so."""

import pytest
from demo_page import OpenPage
from echo import echo_worker
from playwright.async_api import expect

import heliograph


@pytest.mark.usefixtures("worker")
async def test_neither_hears_the_other(link: str, open_page: OpenPage) -> None:
    async with heliograph.connect(link, peer="Worker-3108", peer_id="Client-1489") as connection:
        page = await open_page(link)
        await page.connect("Worker-3108")
        chat = connection.channel("chat")
        await chat.send("from the program")
        await page.chat("from the page")
        assert await chat.receive() == "Client-1489: from the program"
        await page.hears(": from the page")
        await chat.send("still there")
        assert await chat.receive() == "Client-1489: still there"
        await expect(page.find("chat-log")).not_to_contain_text("from the program")


async def test_a_full_worker_says_so(link: str, open_page: OpenPage) -> None:
    async with (
        echo_worker(link, max_clients=1),
        heliograph.connect(link, peer="Worker-3108"),
    ):
        page = await open_page(f"{link}&connect=Worker-3108")
        await expect(page.find("error-banner")).to_contain_text("busy")

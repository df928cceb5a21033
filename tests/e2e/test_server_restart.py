"""The server goes away and comes back: what is connected stays connected, and newcomers get in again."""

import pytest
from demo_page import OpenPage
from server_process import ServerProcess


@pytest.mark.usefixtures("worker")
async def test_an_open_channel_lives_on(server: ServerProcess, link: str, open_page: OpenPage) -> None:
    page = await open_page(link)
    page.forgive("WebSocket connection to .* failed")
    await page.connect("Worker-3108")
    await page.chat("before")
    await page.hears(": before")

    await server.kill()
    await page.chat("without a server")
    await page.hears(": without a server")

    await server.start()
    await server.logs("peer.joined", peer="Worker-3108")
    await page.chat("with a new server")
    await page.hears(": with a new server")

    newcomer = await open_page(link)
    await newcomer.connect("Worker-3108")
    await newcomer.chat("hello")
    await newcomer.hears(": hello")

"""The demo page, as somebody in front of it uses it."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest
from playwright.async_api import Locator, expect
from watched_page import WatchedPage

__all__ = ["FAILED", "OPEN_TIMEOUT_MS", "DemoPage", "Look", "OpenPage"]

FAILED = pytest.StashKey[bool]()
"""Left on a test that failed, for the fixtures that keep what it looked like."""

OPEN_TIMEOUT_MS = 15_000
TRANSFER_TIMEOUT_MS = 60_000


class DemoPage(WatchedPage):
    """What there is on the page, and how to work it."""

    async def look_at(self, view: str) -> None:
        """On a small screen, turn to that part of the room: `people`, `talk` or `link`."""
        button = self.page.locator(f'.views [data-view="{view}"]')
        if await button.is_visible():
            await button.click()

    async def open(self, url: str) -> Self:
        """Load the page."""
        await self.page.goto(url)
        return self

    async def create_room(self) -> str:
        """Create a room, and return the link to it."""
        await self.find("create-room").click()
        link = self.find("room-link")
        await expect(link).to_have_attribute("href", re.compile("#room="))
        return str(await link.get_attribute("href"))

    def peer(self, peer_id: str) -> Locator:
        """The entry of a peer in the list of who is there."""
        return self.page.locator(f'[data-testid="peer-item"][data-peer="{peer_id}"]')

    async def connect(self, peer_id: str) -> None:
        """Connect to a peer of the list, and wait until data can flow."""
        await self.look_at("people")
        await self.peer(peer_id).get_by_test_id("connect-button").click()
        await self.is_connected()

    async def is_online(self) -> None:
        """Wait until it is in the room."""
        await expect(self.find("server-state")).to_have_attribute("data-state", "online")

    async def own_id(self) -> str:
        """What it is called, once it is in the room; the name is on the screen before that."""
        await self.is_online()
        return await self.find("own-peer-id").inner_text()

    async def is_connected(self) -> None:
        """Wait until there is an open data channel."""
        await expect(self.find("connection-state")).to_have_attribute("data-state", "open", timeout=OPEN_TIMEOUT_MS)

    async def chat(self, text: str) -> None:
        """Send a chat message."""
        await self.look_at("talk")
        await self.find("chat-input").fill(text)
        await self.find("chat-send").click()

    async def hears(self, text: str) -> None:
        """Wait for a chat message of the other side."""
        await self.look_at("talk")
        message = self.page.locator('[data-testid="chat-message"][data-direction="in"]')
        await expect(message.filter(has_text=text).last).to_be_visible(timeout=OPEN_TIMEOUT_MS)

    async def send_file(self, path: Path) -> None:
        """Choose a file, which sends it."""
        await self.find("file-input").set_input_files(path)

    async def has_sent(self, sha256: str) -> None:
        """Wait until the other side has confirmed a file with that checksum."""
        await self._transferred("out", sha256)

    async def has_received(self, sha256: str) -> None:
        """Wait until a file with that checksum is here."""
        await self._transferred("in", sha256)

    async def call(self, method: str, argument: str = "") -> Locator:
        """Call a method of the other side; returns the entry of the call."""
        await self.look_at("talk")
        await self.find("call-mode").click()
        await self.find("call-method").fill(method)
        await self.find("call-argument").fill(argument)
        await self.find("call-send").click()
        return self.find("call-item").last

    async def _transferred(self, direction: str, sha256: str) -> None:
        file = self.page.locator(f'[data-testid="file-item"][data-direction="{direction}"]').filter(has_text=sha256)
        await expect(file).to_have_attribute("data-state", "done", timeout=TRANSFER_TIMEOUT_MS)


OpenPage = Callable[[str], Awaitable[DemoPage]]
"""Opens a URL as a person of their own."""

Look = Callable[..., Awaitable[DemoPage]]
"""Opens a URL on a screen of the story's size, as a person of their own or, with `context`, in one that there is."""

"""The inspector, as somebody in front of it uses it, and peers that say to the server just what a story needs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import websockets
from playwright.async_api import Locator, Page, expect
from server_process import ServerProcess
from websockets.asyncio.client import ClientConnection

import heliograph

__all__ = ["OPERATOR_TOKEN", "InspectorPage", "raw_peer", "say"]

OPERATOR_TOKEN = "an-operator-token-for-the-stories-only"
REPLY_TIMEOUT_S = 20


class InspectorPage:
    """What there is on the page, and how to work it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        """Exceptions, and errors in the console, such as a violation of the page's policy."""
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)

    def find(self, name: str) -> Locator:
        """The element with that `data-testid`."""
        return self.page.get_by_test_id(name)

    async def sign_in(self, url: str, token: str = OPERATOR_TOKEN) -> Self:
        """Load the page and give it the operator's token."""
        await self.page.goto(f"{url}/inspector")
        await self.find("operator-token").fill(token)
        await self.find("gate-open").click()
        return self

    async def explain(self, one: str, other: str) -> None:
        """Ask why two did not connect."""
        await self.find("ask-one").fill(one)
        await self.find("ask-other").fill(other)
        await self.find("ask-explain").click()

    async def verdict(self, name: str) -> None:
        """Wait until that is the diagnosis of the two in the focus."""
        await expect(self.find("verdict")).to_have_attribute("data-verdict", name, timeout=15_000)

    def row(self, of: str, key: str) -> Locator:
        """A row of the list `peers`, `pairs` or `rooms`."""
        return self.find(of).locator(f'[data-key="{key}"]')

    def entries(self, event: str) -> Locator:
        """What the timeline has of that kind."""
        return self.page.locator(f'[data-testid="entry"][data-event="{event}"]')


@asynccontextmanager
async def raw_peer(
    server: ServerProcess, room: heliograph.Room, peer_id: str, **fields: Any
) -> AsyncIterator[ClientConnection]:
    """A registered WebSocket and nothing more."""
    async with heliograph.Api(server.url) as api:
        identity = await api.sign_in()
    async with websockets.connect(server.ws_url) as socket:
        register = {"type": "register", "peer_id": peer_id, "room_id": room.room_id, "token": room.token}
        await say(socket, register | {"id_token": identity.id_token} | fields)
        async with asyncio.timeout(REPLY_TIMEOUT_S):
            assert json.loads(await socket.recv())["type"] == "registered_auth"
        yield socket


async def say(socket: ClientConnection, *messages: dict[str, Any]) -> None:
    """Send messages as they are."""
    for message in messages:
        await socket.send(json.dumps(message))

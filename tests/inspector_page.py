"""The inspector, as somebody in front of it uses it, and peers that say to the server just what a story needs."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import websockets
from playwright.async_api import Locator, expect
from server_process import ServerProcess
from watched_page import WatchedPage
from websockets.asyncio.client import ClientConnection

import heliograph

__all__ = ["OPERATOR_TOKEN", "Inspect", "InspectorPage", "hear", "raw_peer", "say"]

OPERATOR_TOKEN = "an-operator-token-for-the-stories-only"
REPLY_TIMEOUT_S = 20


class InspectorPage(WatchedPage):
    """What there is on the page, and how to work it."""

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
        """A row of the list `peers`, `pairs`, `rooms` or `refusals`."""
        return self.find(of).locator(f'[data-key="{key}"]')

    def fact(self, of: str, name: str) -> Locator:
        """A value of the list `node` or `room-facts`."""
        return self.row(of, name).locator("dd")

    async def refusals(self, code: str) -> int:
        """How many the server counts now."""
        counted = await self.row("refusals", code).locator("span").all_inner_texts()
        return int(counted[0].replace(",", "")) if counted else 0

    def entries(self, event: str) -> Locator:
        """What the timeline has of that kind."""
        return self.page.locator(f'[data-testid="entry"][data-event="{event}"]')


Inspect = Callable[..., Awaitable[InspectorPage]]
"""Opens an empty page, on a screen of the story's size."""


@asynccontextmanager
async def raw_peer(
    server: ServerProcess, room: heliograph.Room, peer_id: str, **fields: Any
) -> AsyncIterator[ClientConnection]:
    """A registered WebSocket and nothing more. What it is sent waits for whoever reads it, however much that is."""
    async with heliograph.Api(server.url) as api:
        identity = await api.sign_in()
    async with websockets.connect(server.ws_url, max_queue=None) as socket:
        register = {"type": "register", "peer_id": peer_id, "room_id": room.room_id, "token": room.token}
        await say(socket, register | {"id_token": identity.id_token} | fields)
        await hear(socket, "registered_auth")
        yield socket


async def hear(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of that type; others are passed over."""
    async with asyncio.timeout(REPLY_TIMEOUT_S):
        while (message := json.loads(await socket.recv()))["type"] != kind:
            pass
    heard: dict[str, Any] = message
    return heard


async def say(socket: ClientConnection, *messages: dict[str, Any]) -> None:
    """Send messages as they are."""
    for message in messages:
        await socket.send(json.dumps(message))

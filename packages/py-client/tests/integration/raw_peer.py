"""A peer that has nothing of the SDK: a WebSocket, and JSON by hand. Without `protocol` it is one of level 1."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

import heliograph

REPLY_TIMEOUT_S = 10


class RawPeer:
    """What was said and heard over one WebSocket."""

    def __init__(self, socket: ClientConnection, id_token: str) -> None:
        self._socket = socket
        self.id_token = id_token
        self.reply: dict[str, Any] = {}

    async def say(self, **message: Any) -> None:
        await self._socket.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(REPLY_TIMEOUT_S):
            message: dict[str, Any] = json.loads(await self._socket.recv())
            return message

    async def heard_until(self, kind: str) -> list[dict[str, Any]]:
        """All messages up to the next of that type, and that one."""
        messages = [await self.hear()]
        while messages[-1]["type"] != kind:
            messages.append(await self.hear())
        return messages

    def vanish(self) -> None:
        """Lose the connection, as a network would have it."""
        self._socket.transport.abort()


@asynccontextmanager
async def raw_peer(
    peer_id: str, *, url: str, room: str, token: str, id_token: str | None = None, **fields: Any
) -> AsyncIterator[RawPeer]:
    """A registered peer; `fields` are further ones of its `register`."""
    if id_token is None:
        async with heliograph.Api(url) as api:
            id_token = (await api.sign_in()).id_token
    async with connect(url.replace("http", "ws", 1) + "/ws") as socket:
        peer = RawPeer(socket, id_token)
        await peer.say(type="register", peer_id=peer_id, room_id=room, token=token, id_token=id_token, **fields)
        peer.reply = await peer.hear()
        assert peer.reply["type"] == "registered_auth", peer.reply
        yield peer

"""A server that speaks level 1 alone, as the original does: it echoes no ref, and what it does not know it ignores."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

import heliograph

FORWARDED = {"offer", "answer", "candidate", "quit", "error"}


class OriginalServer:
    """One room, everybody may enter."""

    def __init__(self) -> None:
        self.peers: dict[str, ServerConnection] = {}
        self.ignored: list[str] = []
        self.where: dict[str, Any] = {}

    def listens(self, server: Server) -> None:
        port = server.sockets[0].getsockname()[1]
        self.where = {
            "url": f"http://127.0.0.1:{port}",
            "room": "r",
            "token": "t",
            "id_token": "jwt",
            "ice_servers": [],
        }

    async def converse(self, connection: ServerConnection) -> None:
        peer_id = ""
        async for frame in connection:
            message = json.loads(frame)
            match message["type"]:
                case "register":
                    peer_id = message["peer_id"]
                    self.peers[peer_id] = connection
                    reply = {"type": "registered_auth", "room_id": "r", "token": "t", "peer_id": peer_id}
                    await connection.send(json.dumps(reply))
                case "query":
                    await connection.send(json.dumps({"type": "available_peers", "peers": list(self.peers)}))
                case kind if kind in FORWARDED:
                    if target := self.peers.get(message["target"]):
                        await target.send(frame)
                case kind:
                    self.ignored.append(kind)
        if self.peers.get(peer_id) is connection:
            del self.peers[peer_id]


@pytest.fixture
async def original() -> AsyncIterator[OriginalServer]:
    original = OriginalServer()
    async with serve(original.converse, "127.0.0.1", 0) as server:
        original.listens(server)
        yield original


async def test_peers_connect_through_it(original: OriginalServer) -> None:
    worker = heliograph.Worker(**original.where, peer_id="Worker-1")

    @worker.on_channel("chat")
    async def echo(channel: heliograph.Channel) -> None:
        async for message in channel:
            await channel.send(message)

    async with asyncio.timeout(30):
        async with worker, heliograph.connect(**original.where, peer="Worker-1") as connection:
            await connection.channel("chat").send("hello")
            assert await connection.channel("chat").receive() == "hello"
    assert original.ignored == [], "it is asked for nothing that it does not know"


async def test_they_come_back_and_are_told_what_it_cannot_do(original: OriginalServer) -> None:
    async with (
        heliograph.connect(**original.where, peer_id="a") as session,
        heliograph.connect(**original.where, peer_id="b"),
        asyncio.timeout(30),
    ):
        assert await session.peers() == ["b"]
        assert session.grants == frozenset()
        assert session.expires_at is None
        for asking in (
            session.discover(),
            session.message("b", 1),
            session.message("b", 1, ack=True),
            session.update(status="idle"),
            session.set_groups("default"),
        ):
            with pytest.raises(heliograph.UnsupportedByServer):
                await asking
        with pytest.raises(heliograph.UnsupportedByServer):
            await session.claim()
        original.peers["a"].transport.abort()
        async for event in session.events():
            if isinstance(event, heliograph.Disconnected):
                break
        assert sorted(await asyncio.gather(session.peers(), session.peers())) == [["b"], ["b"]]
    assert original.ignored == []

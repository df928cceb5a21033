"""Inspecting over real sockets, through each of the transports."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from .running import REPLY_TIMEOUT_S, RunningServer, ask, closed_with, hear, running

TOKEN = "the-token-of-the-operator-of-this-server"


@pytest.fixture(params=["picows", "asgi"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with running(tmp_path, transport=request.param, rooms="memory", operator_token=TOKEN) as server:
        yield server


async def hear_of(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of that type."""
    async with asyncio.timeout(REPLY_TIMEOUT_S):
        while (message := await hear(socket))["type"] != kind:
            pass
    return message


async def test_the_creator_is_told_what_happens_and_level_1_hears_nothing(server: RunningServer) -> None:
    owner = await server.sign_in()
    room = await server.room(owner)
    async with (
        server.peer("ann", room) as ann,
        server.peer("bob", room) as bob,
        server.peer("watcher", room, owner, protocol=2) as watcher,
    ):
        view = await ask(watcher, {"type": "inspect", "ref": 1})
        assert (view["type"], view["ref"], view["room"]["peer_count"]) == ("inspection", 1, 3)
        await ann.send('{"type":"offer","target":"bob","sdp":"v=0"}')
        assert (await hear(bob))["type"] == "offer"
        update = await hear_of(watcher, "inspection_update")
        assert [entry["event"] for entry in update["room"]["timeline"]] == ["offer"]
        assert (await ask(ann, {"type": "inspect"}))["code"] == "NOT_PERMITTED"
        for peer in (ann, bob):
            assert (await ask(peer, {"type": "ping"}))["type"] == "pong"


async def test_an_operator_follows_the_whole_server(server: RunningServer) -> None:
    async with websockets.connect(server.ws_url) as operator:
        view = await ask(operator, {"type": "inspect", "operator_token": TOKEN})
        assert view["server"]["room_count"] == 0
        room = await server.room()
        async with server.peer("ann", room):
            while not (rooms := (await hear_of(operator, "inspection_update"))["server"].get("rooms")):
                pass
            assert (rooms[0]["room_id"], rooms[0]["peers"]) == (room[0], 1)
        node = (await hear_of(operator, "inspection_update"))["server"]["node"]
        assert node["status"] == "ready"
        assert node["tasks"] > 0


async def test_guesses_at_the_operators_token_end_with_the_connection(server: RunningServer) -> None:
    async with websockets.connect(server.ws_url) as stranger:
        for number in range(5):
            answer = await ask(stranger, {"type": "inspect", "operator_token": f"{TOKEN[:-1]}{number}"})
            assert answer["code"] == "NOT_PERMITTED"
            assert TOKEN not in json.dumps(answer)
        assert await closed_with(stranger) == 4008


async def test_the_page_and_its_files_come_with_the_policy(server: RunningServer) -> None:
    async with httpx.AsyncClient(base_url=server.http_url) as client:
        page = await client.get("/inspector")
        assert page.status_code == 200
        assert "script-src 'self';" in page.headers["content-security-policy"]
        assert "/inspector/static/app.js" in page.text
        assert (await client.get("/inspector/static/app.js")).headers["content-type"].startswith("text/javascript")
        assert (await client.get("/inspector/static/../templates/inspector.html")).status_code == 404
        assert (await client.get("/inspector/static/nothing.js")).status_code == 404

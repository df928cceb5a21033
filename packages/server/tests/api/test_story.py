"""A room's life over HTTP, with peers in it, on a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import websockets
from server_process import ServerProcess, running_server
from websockets.asyncio.client import ClientConnection

WAIT_S: Final = 10.0
TURN: Final = {
    "HELIOGRAPH_STUN_URLS": "stun:a.example",
    "HELIOGRAPH_TURN_URLS": "turn:a.example",
    "HELIOGRAPH_TURN_SECRET": "north",
}


class User:
    """Somebody signed in, calling over HTTP."""

    def __init__(self, client: httpx.AsyncClient, signed_in: dict[str, str]) -> None:
        self.id_token = signed_in["id_token"]
        self._client = client

    async def __call__(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._client.request(
            method, path, json=body, headers={"Authorization": f"Bearer {self.id_token}"}
        )
        return answer.json() if answer.is_success and answer.content else answer.status_code


class House:
    """A server, and the people who use it."""

    def __init__(self, server: ServerProcess, client: httpx.AsyncClient) -> None:
        self._server = server
        self._client = client

    async def user(self) -> User:
        return User(self._client, (await self._client.post("/anonymous-signin")).json())

    @asynccontextmanager
    async def peer(self, user: User, **registration: Any) -> AsyncIterator[tuple[ClientConnection, dict[str, Any]]]:
        """A level-2 connection, and the answer to its registration."""
        async with websockets.connect(self._server.ws_url) as socket:
            yield socket, await ask(socket, type="register", protocol=2, id_token=user.id_token, **registration)


async def ask(socket: ClientConnection, **message: Any) -> dict[str, Any]:
    await socket.send(json.dumps(message))
    return await hear(socket)


async def hear(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), WAIT_S))
    return message


async def close_code(socket: ClientConnection) -> int | None:
    await asyncio.wait_for(socket.wait_closed(), WAIT_S)
    return socket.close_code


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_server(tmp_path, TURN) as server, httpx.AsyncClient(base_url=server.url) as client:
        yield House(server, client)


async def test_a_join_token_lets_in_whom_it_names_until_the_token_is_rotated(house: House) -> None:
    ann, bob = await house.user(), await house.user()
    room = await ann("POST", "/api/rooms", {"name": "lab"})
    path = f"/api/rooms/{room['room_id']}"
    pins = {"role": "worker", "peer_id": "Worker-1", "groups": ["night"], "grants": ["discover", "signal"]}
    minted = await ann("POST", f"{path}/tokens", pins)
    door = {"room_id": room["room_id"], "token": minted["token"]}

    async with house.peer(bob, peer_id="Worker-2", **door) as (_, refused):
        assert refused["code"] == "INVALID_ROOM_TOKEN"
    async with house.peer(bob, peer_id="Worker-1", role="client", **door) as (_, refused):
        assert refused["code"] == "INVALID_ROOM_TOKEN"
    async with house.peer(bob, peer_id="Worker-1", **door) as (socket, answer):
        assert answer["type"] == "registered_auth"
        assert (answer["role"], answer["grants"]) == ("worker", ["discover", "signal"])
        assert answer["token"] == minted["token"]
        (peer,) = (await bob("GET", f"{path}/peers"))["items"]
        assert (peer["peer_id"], peer["role"], peer["groups"]) == ("Worker-1", "worker", ["night"])
        assert "token" not in await bob("GET", path)
        assert await bob("DELETE", path) == 403

        rotated = await ann("POST", f"{path}/rotate-token")
        assert (await ask(socket, type="ping"))["type"] == "pong"
        async with house.peer(bob, peer_id="Worker-1", **door) as (_, refused):
            assert refused["code"] == "INVALID_ROOM_TOKEN"
        door["token"] = rotated["token"]
        async with house.peer(ann, peer_id="Client-1", **door) as (_, creator):
            assert "manage" in creator["grants"]


async def test_who_is_put_out_hears_why(house: House) -> None:
    ann, bob = await house.user(), await house.user()
    room = await ann("POST", "/api/rooms")
    path = f"/api/rooms/{room['room_id']}"
    door = {"room_id": room["room_id"], "token": room["token"]}
    async with (
        house.peer(bob, peer_id="Worker-1", **door) as (first, _),
        house.peer(bob, peer_id="Worker-2", **door) as (second, _),
    ):
        assert (await hear(first))["type"] == "peer_joined"
        assert (await ann("GET", path))["peer_count"] == 2
        assert await ann("DELETE", f"{path}/peers/Worker-1") == 204
        assert await close_code(first) == 4003
        left = await hear(second)
        assert (left["type"], left["reason"]) == ("peer_left", "removed")
        assert await ann("DELETE", path) == 204
        assert (await hear(second))["type"] == "room_closed"
        assert await close_code(second) == 4003
    assert await bob("GET", path) == 404
    async with house.peer(bob, peer_id="Worker-1", **door) as (_, refused):
        assert refused["code"] == "ROOM_NOT_FOUND"


async def test_a_new_policy_holds_at_once(house: House) -> None:
    ann, bob = await house.user(), await house.user()
    room = await ann("POST", "/api/rooms")
    door = {"room_id": room["room_id"], "token": room["token"]}
    async with (
        house.peer(bob, peer_id="Worker-1", role="worker", **door) as (worker, _),
        house.peer(ann, peer_id="Client-1", role="client", **door) as (client, _),
    ):
        await hear(worker)
        offer = {"type": "offer", "target": "Client-1", "sdp": "v=0", "ref": 1}
        assert (await ask(worker, **offer))["type"] == "ack"
        assert (await hear(client))["type"] == "offer"
        await ann("PATCH", f"/api/rooms/{room['room_id']}", {"policy": {"signal": {"client": ["worker"]}}})
        assert (await ask(worker, **offer))["code"] == "NOT_PERMITTED"


async def test_ice_servers_come_with_the_registration_and_on_request(house: House) -> None:
    ann = await house.user()
    room = await ann("POST", "/api/rooms")
    asked = await ann("GET", "/api/ice-servers")
    assert asked["ttl_s"] == 3600
    async with house.peer(ann, peer_id="P", room_id=room["room_id"], token=room["token"]) as (_, answer):
        for servers in (asked["ice_servers"], answer["ice_servers"]):
            stun, turn = servers
            assert stun == {"urls": ["stun:a.example"]}
            assert turn["urls"] == ["turn:a.example"]
            assert ":" in turn["username"]
            assert turn["credential"]


async def test_rooms_outlive_the_server_with_all_that_was_changed(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.url) as client:
            ann = await House(server, client).user()
            room = await ann("POST", "/api/rooms", {"name": "lab"})
            path = f"/api/rooms/{room['room_id']}"
            minted = await ann("POST", f"{path}/tokens", {"role": "worker"})
            changed = await ann("PATCH", path, {"max_peers": 2, "policy": {"signal": {"a": ["b"]}}})
        await server.kill()
        await server.start()
        async with httpx.AsyncClient(base_url=server.url) as client:
            house = House(server, client)
            ann = User(client, {"id_token": ann.id_token})
            assert await ann("GET", path) == changed
            assert (await ann("GET", "/api/rooms"))["items"] == [changed]
            door = {"room_id": room["room_id"], "token": minted["token"]}
            async with house.peer(ann, peer_id="Worker-1", **door) as (_, answer):
                assert answer["type"] == "registered_auth"

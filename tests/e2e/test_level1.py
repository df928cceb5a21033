"""Programs written years ago, with nothing but an HTTP and a WebSocket library, must work unchanged."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from server_process import ServerProcess, running_server
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

SDP = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n"


class Peer:
    """A socket that speaks JSON, and a token of its own: all that an old program has."""

    def __init__(self, socket: ClientConnection, peer_id: str, room: dict[str, Any], id_token: str) -> None:
        self.socket = socket
        self.peer_id = peer_id
        self.room = room
        self.id_token = id_token

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self) -> Any:
        return json.loads(await self.socket.recv())

    async def register(self) -> Any:
        room = {"room_id": self.room["room_id"], "token": self.room["token"]}
        await self.say(type="register", peer_id=self.peer_id, id_token=self.id_token, **room)
        return await self.hear()


@pytest.fixture(scope="module")
async def steady_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """One for the tests that leave it as it was."""
    async with running_server(tmp_path_factory.mktemp("data")) as server:
        yield server


async def sign_in(http: httpx.AsyncClient) -> str:
    response = await http.post("/anonymous-signin")
    assert response.status_code == 200
    assert set(response.json()) == {"id_token", "username"}
    return str(response.json()["id_token"])


async def create_room(http: httpx.AsyncClient, id_token: str) -> dict[str, Any]:
    response = await http.post("/create-room", headers={"Authorization": f"Bearer {id_token}"})
    assert response.status_code == 200
    room: dict[str, Any] = response.json()
    assert set(room) == {"room_id", "token", "expires_at"}
    assert isinstance(room["expires_at"], int)
    return room


async def test_a_conversation(server: ServerProcess) -> None:
    async with (
        httpx.AsyncClient(base_url=server.url) as http,
        connect(server.ws_url) as worker_socket,
        connect(server.ws_url) as client_socket,
    ):
        worker_token = await sign_in(http)
        room = await create_room(http, worker_token)
        worker = Peer(worker_socket, "Worker-3108", room, worker_token)
        client = Peer(client_socket, "Client-1489", room, await sign_in(http))
        for peer in (worker, client):
            registered = {"room_id": room["room_id"], "token": room["token"], "peer_id": peer.peer_id}
            assert await peer.register() == {"type": "registered_auth", **registered}

        await client.say(type="query")
        peers = await client.hear()
        assert (peers["type"], sorted(peers["peers"])) == ("available_peers", ["Client-1489", "Worker-3108"])

        offer = {"type": "offer", "sender": "Client-1489", "target": "Worker-3108", "sdp": SDP}
        await client.say(**offer)
        assert await worker.hear() == offer
        answer = {"type": "answer", "sender": "Worker-3108", "target": "Client-1489", "sdp": SDP}
        await worker.say(**answer)
        assert await client.hear() == answer

        candidate = {"candidate": "candidate:1 1 UDP 2122252543 192.0.2.1 50000 typ host", "sdpMid": "0"}
        for value in (candidate, candidate["candidate"], None):
            await client.say(type="candidate", target="Worker-3108", candidate=value)
            expected = {"type": "candidate", "sender": "Client-1489", "target": "Worker-3108", "candidate": value}
            assert await worker.hear() == expected

        busy = {"type": "error", "target": "Client-1489", "reason": "worker_busy"}
        await worker.say(**busy)
        assert await client.hear() == {**busy, "sender": "Worker-3108"}

        await client.say(type="offer", target="Worker-9", sdp=SDP)
        missing = await client.hear()
        assert (missing["type"], missing["code"], missing["reason"]) == ("error", "PEER_NOT_FOUND", "Peer not found")

        await client.say(type="offer", sender="Worker-3108", target="Worker-3108", sdp=SDP)
        assert (await client.hear())["code"] == "SENDER_MISMATCH"
        await client.say(type="query")  # the forged offer went nowhere: the worker's next message is another one
        await client.hear()

        await client.say(type="quit", target="Worker-3108")
        assert await worker.hear() == {"type": "quit", "sender": "Client-1489", "target": "Worker-3108"}

        http.headers["Authorization"] = f"Bearer {worker_token}"
        response = await http.post("/delete-peers-and-room", json={"peer_id": "Worker-3108"})
        assert (response.status_code, response.json()) == (200, {"status": "peer deleted successfully"})
        for peer in (worker, client):
            with pytest.raises(ConnectionClosed) as closed:
                await peer.hear()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4003
        response = await http.post("/delete-peers-and-room", json={"peer_id": "Worker-3108"})
        assert response.status_code == 200
        assert response.json()["status"] in {"peer not found", "room not found"}


@pytest.mark.parametrize(
    ("wrong", "code", "reason"),
    [
        ({"token": ""}, "INVALID_MESSAGE", "Missing required fields during registration."),
        ({"peer_id": "no spaces"}, "INVALID_MESSAGE", "Missing required fields during registration."),
        ({"id_token": "e30.e30.e30"}, "INVALID_ID_TOKEN", "Invalid token"),
        ({"room_id": "nowhere1"}, "ROOM_NOT_FOUND", "Room not found"),
        ({"token": "wrong"}, "INVALID_ROOM_TOKEN", "Invalid token"),
    ],
)
async def test_a_refusal_has_the_words_of_old_and_leaves_another_try(
    steady_server: ServerProcess, wrong: dict[str, str], code: str, reason: str
) -> None:
    url, ws_url = steady_server.url, steady_server.ws_url + "ws"
    async with httpx.AsyncClient(base_url=url) as http, connect(ws_url) as socket:
        id_token = await sign_in(http)
        peer = Peer(socket, "Worker-1", await create_room(http, id_token), id_token)
        register = {"peer_id": peer.peer_id, "id_token": id_token, "room_id": peer.room["room_id"]}
        await peer.say(type="register", **{**register, "token": peer.room["token"], **wrong})
        refusal = await peer.hear()
        assert (refusal["type"], refusal["code"], refusal["reason"]) == ("error", code, reason)
        assert (await peer.register())["type"] == "registered_auth"


async def test_both_ports_serve_everything(steady_server: ServerProcess) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{steady_server.ws_port}") as http:
        id_token = await sign_in(http)
        room = await create_room(http, id_token)
    async with connect(steady_server.url.replace("http:", "ws:")) as socket:
        assert (await Peer(socket, "Worker-1", room, id_token).register())["type"] == "registered_auth"


async def test_a_room_is_there_after_the_server_was_killed(server: ServerProcess) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        id_token = await sign_in(http)
        room = await create_room(http, id_token)
    await server.kill()
    await server.start()
    async with connect(server.ws_url) as socket:
        assert (await Peer(socket, "Worker-1", room, id_token).register())["type"] == "registered_auth"


async def test_a_terminated_server_says_goodbye(server: ServerProcess) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http, connect(server.ws_url) as socket:
        id_token = await sign_in(http)
        await Peer(socket, "Worker-1", await create_room(http, id_token), id_token).register()
        assert await server.stop() == 0
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012

"""Nodes as on machines of their own: no common directory, one table of rooms, one bus, one key that is a secret."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import websockets
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis_server import RedisServer
from rooms_table import RoomsTable

from .cluster_nodes import eventually, knows
from .running import ask, hear, running


@pytest.fixture
async def table(aws: str) -> AsyncIterator[RoomsTable]:
    assert aws
    with closing(RoomsTable()) as table:
        await table.create()
        yield table


async def test_peers_meet_with_tokens_of_either_node(redis: RedisServer, table: RoomsTable, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shared = {
        "cluster_url": redis.url,
        "rooms": "dynamodb",
        "rooms_table": table.name,
        "signing_key": key.decode(),
    }
    async with running(tmp_path / "one", **shared) as one, running(tmp_path / "two", **shared) as two:
        await eventually(lambda: knows(one, 2) and knows(two, 2))
        async with httpx.AsyncClient() as http:
            signed_in = (await http.post(f"{one.http_url}/anonymous-signin")).json()
            owner = {"Authorization": f"Bearer {signed_in['id_token']}"}
            room = (await http.post(f"{two.http_url}/api/rooms", headers=owner)).json()
            path = f"{one.http_url}/api/rooms/{room['room_id']}/tokens"
            join_token = (await http.post(path, headers=owner, json={"role": "worker"})).json()["token"]
            worker = (await http.post(f"{two.http_url}/anonymous-signin")).json()["id_token"]
        async with (
            one.peer("owner", (room["room_id"], room["token"]), signed_in["id_token"], protocol=2) as socket,
            websockets.connect(two.ws_url) as other,
        ):
            fields = two.registration("worker", (room["room_id"], join_token), worker, role="worker")
            assert (await ask(other, fields))["type"] == "registered_auth"
            assert (await hear(socket))["peer"]["role"] == "worker"
        assert not (tmp_path / "one").exists()

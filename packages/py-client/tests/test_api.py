"""The HTTP endpoints, against a transport in memory."""

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

import heliograph

Handler = Callable[[httpx.Request], httpx.Response]


def api(handler: Handler) -> heliograph.Api:
    return heliograph.Api("http://server.example", transport=httpx.MockTransport(handler))


async def test_signing_in_and_creating_a_room() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/anonymous-signin":
            return httpx.Response(200, json={"id_token": "jwt", "username": "ann", "more": 1})
        return httpx.Response(200, json={"room_id": "abc12345", "token": "t", "expires_at": 17})

    async with api(handle) as client:
        identity = await client.sign_in()
        room = await client.create_room(id_token=identity.id_token)
    assert identity.username == "ann"
    assert (room.room_id, room.token, room.expires_at) == ("abc12345", "t", 17)
    assert [request.method for request in seen] == ["POST", "POST"]
    assert "Authorization" not in seen[0].headers
    assert seen[1].headers["Authorization"] == "Bearer jwt"


async def test_a_server_that_takes_its_time_is_unreachable() -> None:
    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError(request)

    async with heliograph.Api("http://server.example", timeout_s=0.05, transport=Slow()) as client:
        with pytest.raises(heliograph.ServerUnreachable):
            await client.sign_in()


async def test_deleting_names_the_peer_and_the_room() -> None:
    bodies: list[dict[str, str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"status": "peer not found"})

    async with api(handle) as client:
        assert await client.delete_peers_and_room("Worker-1", id_token="jwt") == "peer not found"
        await client.delete_peers_and_room("Worker-1", id_token="jwt", room_id="abc12345")
    assert bodies == [{"peer_id": "Worker-1"}, {"peer_id": "Worker-1", "room_id": "abc12345"}]


async def test_a_refusal_carries_status_and_detail() -> None:
    async with api(lambda _: httpx.Response(429, json={"detail": "Too many sign-ins", "status": 429})) as client:
        with pytest.raises(heliograph.ApiError, match="Too many sign-ins") as caught:
            await client.sign_in()
    assert (caught.value.status, caught.value.detail) == (429, "Too many sign-ins")


@pytest.mark.parametrize("content", [b"<html>", b'{"detail": "\xff"}'])
async def test_a_refusal_without_json_is_one_too(content: bytes) -> None:
    async with api(lambda _: httpx.Response(502, content=content)) as client:
        with pytest.raises(heliograph.ApiError, match="Bad Gateway"):
            await client.sign_in()


@pytest.mark.parametrize(
    "content", [b"<html>welcome</html>", b"{}", b'{"id_token": 7, "username": "u"}', b'{"id_token": "\xff"}']
)
async def test_another_kind_of_server_is_not_mistaken_for_one(content: bytes) -> None:
    async with api(lambda _: httpx.Response(200, content=content)) as client:
        with pytest.raises(heliograph.ServerUnreachable, match="no Heliograph server"):
            await client.sign_in()


async def test_an_address_that_only_the_http_client_cannot_use() -> None:
    with pytest.raises(heliograph.ConfigurationError, match="cannot be used"):
        heliograph.Api("http://\N{SNOWMAN}.example")


async def test_no_answer_is_server_unreachable() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with api(handle) as client:
        with pytest.raises(heliograph.ServerUnreachable, match="refused"):
            await client.sign_in()

"""Health, readiness, metrics, schema."""

import json
from pathlib import Path

import httpx
import pytest
import websockets
from prometheus_client.parser import text_string_to_metric_families

from heliograph_protocol import asyncapi_document, json_schema
from heliograph_server.errors import StoreUnavailable

from .running import RunningServer, ask, hear, running


async def samples(http: httpx.AsyncClient) -> dict[tuple[str, tuple[str, ...]], float]:
    text = (await http.get("/metrics")).text
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_tell_what_happened_and_strangers_words_are_no_labels(server: RunningServer) -> None:
    room = await server.room()
    async with (
        httpx.AsyncClient(base_url=server.http_url) as http,
        server.peer("a", room) as ann,
        server.peer("b", room) as bob,
    ):
        await ask(bob, {"type": "no-such-type"})
        await ann.send('{"type":"offer","target":"b","sdp":"v=0"}')
        assert (await hear(bob))["type"] == "offer"
        seen = await samples(http)
    assert seen["heliograph_connections", ()] == 2
    assert seen["heliograph_rooms", ()] == 1
    assert seen["heliograph_peers", ("peer",)] == 2
    assert seen["heliograph_messages_total", ("offer",)] == 1
    assert seen["heliograph_messages_total", ("register",)] == 2
    assert seen["heliograph_refusals_total", ("UNKNOWN_MESSAGE_TYPE",)] == 1
    assert seen["heliograph_forward_seconds_count", ()] == 1
    assert 0 < seen["heliograph_forward_seconds_sum", ()] < 1
    assert "no-such-type" not in str(seen)


async def test_a_role_of_ones_own_counts_as_other(server: RunningServer) -> None:
    async with httpx.AsyncClient(base_url=server.http_url) as http, websockets.connect(server.ws_url) as socket:
        fields = server.registration("a", await server.room(), await server.sign_in(), role="emperor")
        assert (await ask(socket, fields))["type"] == "registered_auth"
        seen = await samples(http)
    assert seen["heliograph_peers", ("other",)] == 1
    assert "emperor" not in str(seen)


async def test_ready_follows_the_store_and_the_drain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as server, httpx.AsyncClient(base_url=server.http_url) as http:
        assert (await http.get("/ready")).status_code == 200

        async def down(room_id: str) -> None:
            raise StoreUnavailable("down")

        with monkeypatch.context() as patch:
            patch.setattr(server.application.store, "get", down)
            answer = await http.get("/ready")
            assert (answer.status_code, answer.json()["status"]) == (503, "room store unavailable")
            assert (await http.get("/health")).status_code == 200
        server.application.readiness.draining = True
        assert (await http.get("/ready")).status_code == 503


async def test_the_schema_names_the_originals_calls_and_the_bearer(server: RunningServer) -> None:
    async with httpx.AsyncClient(base_url=server.http_url) as http:
        document = (await http.get("/schema")).json()
        assert document["openapi"].startswith("3.")
        for path in ("/anonymous-signin", "/create-room", "/delete-peers-and-room"):
            assert list(document["paths"][path]) == ["post"]
            assert "200" in document["paths"][path]["post"]["responses"]
        assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
        assert (await http.get("/protocol.json")).json() == json.loads(json.dumps(json_schema()))
        asyncapi = await http.get("/asyncapi.json")
        assert asyncapi.json() == json.loads(json.dumps(asyncapi_document()))
        assert asyncapi.headers["content-type"] == "application/vnd.aai.asyncapi+json;version=3.0.0"


async def test_sign_in_is_limited_by_address_and_a_proxys_word_counts_only_if_trusted(tmp_path: Path) -> None:
    async with running(tmp_path, signin_limit=2) as server, httpx.AsyncClient(base_url=server.http_url) as http:
        answers = [await http.post("/anonymous-signin", headers={"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert int(answers[2].headers["Retry-After"]) >= 1
        assert answers[2].json()["code"] == "RATE_LIMITED"
    async with (
        running(tmp_path, signin_limit=2, trusted_proxies=("127.0.0.0/8",)) as server,
        httpx.AsyncClient(base_url=server.http_url) as http,
    ):
        answers = [await http.post("/anonymous-signin", headers={"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 200]

"""Every refusal and failure over HTTP has one shape."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog
from litestar import Litestar, get, post
from litestar.exceptions import ClientException, InternalServerException, NotAuthorizedException
from litestar.params import FromPath, JSONBody
from litestar.testing import AsyncTestClient

from heliograph_server import errors
from heliograph_server.problems import EXCEPTION_HANDLERS
from heliograph_server.requests import JsonRequest

RAISED: dict[str, Exception] = {
    "not-permitted": errors.NotPermitted("That room is not yours"),
    "expired": errors.RoomExpired("Room abc has expired"),
    "token": errors.InvalidIdToken("No token"),
    "limited": errors.RateLimited("Too many", retry_after_s=7),
    "store": errors.StoreUnavailable("The room store did not answer"),
    "bug": ZeroDivisionError("secret detail"),
    "litestar-500": InternalServerException("secret detail"),
    "litestar-401": NotAuthorizedException(),
    "litestar-400": ClientException("That is wrong", headers={"X-Why": "so"}),
}

Client = AsyncTestClient[Litestar]


@get("/raise/{name:str}")
async def raising(name: FromPath[str]) -> None:
    raise RAISED[name]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with AsyncTestClient(Litestar([raising], exception_handlers=EXCEPTION_HANDLERS, logging_config=None)) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "status", "title", "code"),
    [
        ("/raise/not-permitted", 403, "Forbidden", "NOT_PERMITTED"),
        ("/raise/expired", 410, "Gone", "ROOM_EXPIRED"),
        ("/raise/token", 401, "Unauthorized", "INVALID_ID_TOKEN"),
        ("/raise/limited", 429, "Too Many Requests", "RATE_LIMITED"),
        ("/raise/store", 503, "Service Unavailable", "STORE_UNAVAILABLE"),
        ("/raise/bug", 500, "Internal Server Error", "INTERNAL"),
        ("/raise/litestar-500", 500, "Internal Server Error", "INTERNAL"),
        ("/raise/litestar-401", 401, "Unauthorized", "INVALID_ID_TOKEN"),
        ("/raise/litestar-400", 400, "Bad Request", "INVALID_MESSAGE"),
        ("/nowhere", 404, "Not Found", "NOT_FOUND"),
    ],
)
async def test_the_shape(client: Client, path: str, status: int, title: str, code: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["detail"]
    assert "secret" not in problem["detail"]
    assert problem == {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": problem["detail"],
        "code": code,
    }


async def test_a_refusal_says_what_the_caller_may_know(client: Client) -> None:
    assert (await client.get("/raise/not-permitted")).json()["detail"] == "That room is not yours"


async def test_headers_that_belong_to_a_refusal_are_sent(client: Client) -> None:
    assert (await client.get("/raise/limited")).headers["retry-after"] == "7"
    assert (await client.get("/raise/token")).headers["www-authenticate"] == "Bearer"
    assert (await client.get("/raise/litestar-400")).headers["x-why"] == "so"


async def test_a_method_that_is_not_there_names_those_that_are(client: Client) -> None:
    answer = await client.post("/raise/bug")
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer.headers["allow"]


@post("/read", request_class=JsonRequest)
async def reading(data: JSONBody[dict[str, Any]]) -> None:
    raise AssertionError("there is nothing to read")


async def test_who_goes_before_its_request_is_whole_is_no_failure_of_ours() -> None:
    """Or strangers could fill the log with errors, which wake operators."""
    app: Any = Litestar([reading], exception_handlers=EXCEPTION_HANDLERS, logging_config=None)
    events: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(events)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    request = {"type": "http", "method": "POST", "path": "/read", "raw_path": b"/read", "query_string": b""}
    headers = [(b"content-type", b"application/json"), (b"content-length", b"99")]
    with structlog.testing.capture_logs() as log:
        await app(request | {"headers": headers, "scheme": "http", "client": None}, receive, send)
    assert log == []
    assert sent[0]["status"] == 400

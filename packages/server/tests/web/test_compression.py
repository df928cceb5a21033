"""What is sent small, and what is not sent again."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from heliograph_server.web.assets import Assets
from heliograph_server.web.compression import takes_gzip
from heliograph_server.web.controllers import page_handlers

STYLE = "body { color: red }\n" * 100
Client = AsyncTestClient[Litestar]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    made = Assets(templates=tmp_path / "t", static=tmp_path / "static", sdk=tmp_path / "sdk")
    for folder in (made.templates, made.static, made.sdk):
        folder.mkdir()
    (made.templates / "index.html").write_text("<p>" + "hello " * 100)
    (made.static / "style.css").write_text(STYLE)
    (made.static / "small.css").write_text("p {}")
    (made.static / "picture.png").write_bytes(b"\x89PNG" + bytes(1000))
    async with AsyncTestClient(Litestar(page_handlers(made), logging_config=None)) as client:
        yield client


async def raw(client: Client, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    async with client.stream("GET", path, headers=headers) as answer:
        body = b"".join([chunk async for chunk in answer.aiter_raw()])
    return answer.status_code, dict(answer.headers), body


@pytest.mark.parametrize("path", ["/static/style.css", "/joined/style.css", "/"])
async def test_text_is_gzipped_for_those_who_take_it(client: Client, path: str) -> None:
    _, plain_headers, plain = await raw(client, path, **{"accept-encoding": "identity"})
    _, headers, body = await raw(client, path, **{"accept-encoding": "gzip, deflate, br"})
    assert headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain_headers
    assert gzip.decompress(body) == plain
    assert len(body) < len(plain) / 2
    assert headers["vary"] == plain_headers["vary"] == "Accept-Encoding"


async def test_each_form_has_its_own_etag(client: Client) -> None:
    _, plain, _ = await raw(client, "/static/style.css", **{"accept-encoding": "identity"})
    _, zipped, _ = await raw(client, "/static/style.css", **{"accept-encoding": "gzip"})
    assert plain["etag"] != zipped["etag"]
    known = {"accept-encoding": "gzip", "if-none-match": zipped["etag"]}
    status, headers, body = await raw(client, "/static/style.css", **known)
    assert (status, headers["etag"], body) == (304, zipped["etag"], b"")
    known["if-none-match"] = plain["etag"]
    assert (await raw(client, "/static/style.css", **known))[0] == 200


@pytest.mark.parametrize("path", ["/static/small.css", "/static/picture.png"])
async def test_what_would_not_get_smaller_is_sent_as_it_is(client: Client, path: str) -> None:
    _, headers, _ = await raw(client, path, **{"accept-encoding": "gzip"})
    assert "content-encoding" not in headers


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("br", False),
        ("", False),
        ("gzip;q=x", False),
    ],
)
def test_who_takes_gzip(accepted: str, takes: bool) -> None:
    assert takes_gzip(accepted) is takes

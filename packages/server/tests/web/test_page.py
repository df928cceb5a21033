"""The page, its files, and what the server says with them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from heliograph_server.problems import EXCEPTION_HANDLERS
from heliograph_server.web.assets import Assets, find_assets
from heliograph_server.web.controllers import page_handlers

TEMPLATE = '<html data-version="{{ version }}"></html>'

Client = AsyncTestClient[Litestar]


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    made = Assets(templates=tmp_path / "templates", static=tmp_path / "static", sdk=tmp_path / "sdk")
    for folder in (made.templates, made.static / "deep", made.sdk):
        folder.mkdir(parents=True)
    (made.templates / "index.html").write_text(TEMPLATE)
    (made.static / "style.css").write_text("body { color: red }")
    (made.static / "deep" / "mark.svg").write_text("<svg/>")
    (made.sdk / "index.js").write_text("export {}")
    (made.sdk / "types.d.ts").write_text("export {}")
    (tmp_path / "secret.js").write_text("secret")
    return made


def app(assets: Assets) -> Client:
    return AsyncTestClient(Litestar(page_handlers(assets), exception_handlers=EXCEPTION_HANDLERS, logging_config=None))


@pytest.fixture
async def client(assets: Assets) -> AsyncIterator[Client]:
    async with app(assets) as made:
        yield made


async def test_the_page_is_rendered_with_its_version(client: Client) -> None:
    answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'data-version="' in answer.text
    assert 'data-version=""' not in answer.text


async def test_the_page_may_load_nothing_from_elsewhere_and_be_framed_by_nobody(client: Client) -> None:
    headers = (await client.get("/")).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "font-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/static/style.css", "text/css; charset=utf-8"),
        ("/static/deep/mark.svg", "image/svg+xml"),
        ("/sdk/index.js", "text/javascript; charset=utf-8"),
        ("/sdk/types.d.ts", "text/plain; charset=utf-8"),
    ],
)
async def test_files_have_their_type(client: Client, path: str, media_type: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_file_is_sent_again_only_when_it_changed(client: Client, assets: Assets) -> None:
    first = await client.get("/static/style.css")
    assert first.headers["cache-control"] == "no-cache"
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await client.get("/static/style.css", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    (assets.static / "style.css").write_text("body { color: blue }")
    changed = await client.get("/static/style.css", headers={"if-none-match": etag})
    assert (changed.status_code, changed.text) == (200, "body { color: blue }")
    assert changed.headers["etag"] != etag


@pytest.mark.parametrize(
    "path",
    [
        "/static/nothing.css",
        "/static/deep",
        "/static/",
        "/static",
        "/static/../secret.js",
        "/static/..%2fsecret.js",
        "/static/%2e%2e/secret.js",
        "/static/deep/..%2f..%2fsecret.js",
        "/static/..%5csecret.js",
        "/static/link.js",
        "/static/.hidden.js",
        "/static/key.pem",
        "/static/nul%00.js",
        "/static/loop.js",
        "/sdk/%2fetc%2fpasswd.js",
        "/sdk/" + "a" * 5000 + ".js",
        "/static/templates/index.html",
    ],
)
async def test_nothing_else_is_served(client: Client, assets: Assets, path: str) -> None:
    (assets.static / "link.js").symlink_to(assets.static.parent / "secret.js")
    (assets.static / "loop.js").symlink_to(assets.static / "loop.js")
    (assets.static / ".hidden.js").write_text("hidden")
    (assets.static / "key.pem").write_text("key")
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(assets.static) not in answer.text


async def test_a_server_without_the_page_says_so(tmp_path: Path) -> None:
    async with app(Assets(templates=tmp_path / "t", static=tmp_path / "s", sdk=tmp_path / "j")) as client:
        answer = await client.get("/")
        assert answer.status_code == 404
        assert answer.json()["detail"] == "This server was installed without the demo page"
        assert (await client.get("/sdk/index.js")).status_code == 404


async def test_a_broken_page_is_a_plain_500(client: Client, assets: Assets) -> None:
    (assets.templates / "index.html").write_text("{{ nowhere_defined }}")
    answer = await client.get("/")
    assert answer.status_code == 500
    assert "nowhere_defined" not in answer.text


async def test_head_is_answered(client: Client) -> None:
    assert (await client.head("/")).status_code == 200
    assert (await client.head("/sdk/index.js")).headers["etag"]


async def test_nothing_is_written_through_these_paths(client: Client) -> None:
    assert (await client.post("/static/style.css")).status_code == 405
    assert (await client.put("/")).status_code == 405


async def test_every_file_that_the_real_page_asks_for_is_there() -> None:
    async with app(find_assets()) as client:
        page = await client.get("/")
        assert page.status_code == 200
        wanted = re.findall(r'(?:src|href)="(/(?:static|sdk|joined)/[^"#]+)"', page.text)
        assert any(path.endswith(".js") for path in wanted)
        for path in wanted:
            assert (await client.get(path)).status_code == 200, path


def test_a_checkout_serves_its_own_page_and_sdk() -> None:
    found = find_assets()
    assert found.templates.parts[-3:] == ("web", "demo", "templates")
    assert found.sdk.parts[-3:] == ("packages", "js-client", "src")
    assert (found.sdk / "index.js").is_file()

"""Whom a page may talk to: ours to where it came from and nobody else, another site's to the server if it is listed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from authority import Authority
from demo_page import Look
from http_site import running_site
from playwright.async_api import BrowserContext
from server_process import ServerProcess, running_server

import heliograph

ON_ONE_SCREEN = pytest.mark.parametrize("size", ["desktop"], indirect=True)

OPENS = """async (url) => {
  const socket = new WebSocket(url);
  const opens = await new Promise((resolve) => {
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  });
  socket.close();
  return opens;
}"""
READS = """async ([url, method, headers, body]) => {
  try {
    return (await fetch(url, { method, headers, ...(body && { body }) })).status;
  } catch (error) {
    return error.name;
  }
}"""
UNREADABLE = "TypeError"
JSON = {"Content-Type": "application/json"}


class EmptyPage(BaseHTTPRequestHandler):
    """Answers with nothing on it, and says nothing."""

    def do_GET(self) -> None:
        """Any path."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Leave the test's output alone."""


@pytest.fixture(scope="module")
def another_site() -> Iterator[str]:
    """A page at an origin of its own."""
    with running_site(EmptyPage) as url:
        yield url


@pytest.fixture
async def listing(another_site: str, tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server that lists the other site."""
    async with running_server(tmp_path / "data", {"HELIOGRAPH_ALLOWED_ORIGINS": another_site}) as server:
        yield server


class Foreigner:
    """A page of another site, and what it may do at the server."""

    def __init__(self, contexts: Callable[..., Awaitable[BrowserContext]], site: str) -> None:
        self._contexts = contexts
        self._site = site

    async def tries(self, server: ServerProcess) -> dict[str, int | str | bool]:
        """What comes of each call, and of a WebSocket."""
        async with heliograph.Api(server.url) as api:
            identity = await api.sign_in()
        bearer = {"Authorization": f"Bearer {identity.id_token}"}
        page = await (await self._contexts("desktop")).new_page()
        await page.goto(self._site)
        calls = {
            "is it ready": ("/ready", "GET", {}, ""),
            "sign in": ("/anonymous-signin", "POST", JSON, "{}"),
            "sign in, as a form would": ("/anonymous-signin", "POST", {"Content-Type": "text/plain"}, "{}"),
            "see rooms": ("/api/rooms", "GET", bearer, ""),
            "make a room": ("/api/rooms", "POST", JSON | bearer, "{}"),
        }
        came = {name: await page.evaluate(READS, [server.url + path, *rest]) for name, (path, *rest) in calls.items()}
        return came | {"open a WebSocket": await page.evaluate(OPENS, f"{server.url.replace('http', 'ws', 1)}/ws")}


@ON_ONE_SCREEN
@pytest.mark.parametrize("path", ["/", "/inspector"])
async def test_our_page_opens_a_websocket_to_where_it_came_from_alone(
    stage: ServerProcess, look: Look, path: str
) -> None:
    for port, other in ((stage.http_port, stage.ws_port), (stage.ws_port, stage.http_port)):
        page = await look(f"http://127.0.0.1:{port}{path}")
        assert await page.page.evaluate(OPENS, f"ws://127.0.0.1:{port}/ws")
        page.forgive("CSP connect-src|Content Security Policy")
        for elsewhere in (f"127.0.0.1:{other}", f"localhost:{port}"):
            assert not await page.page.evaluate(OPENS, f"ws://{elsewhere}/ws")
            assert await page.page.evaluate(READS, [f"http://{elsewhere}/ready", "GET", {}, ""]) == UNREADABLE
        assert any("CSP connect-src" in line for line in page.console)


@ON_ONE_SCREEN
async def test_our_page_works_on_the_second_port_and_over_tls(stage: ServerProcess, look: Look, tmp_path: Path) -> None:
    await (await look(f"http://127.0.0.1:{stage.ws_port}")).create_room()
    cert, key = Authority().keep_in(tmp_path)
    environ = {"HELIOGRAPH_TLS_CERT": str(cert), "HELIOGRAPH_TLS_KEY": str(key)}
    async with running_server(tmp_path / "data", environ) as server:
        page = await look(f"https://127.0.0.1:{server.http_port}", ignore_https_errors=True)
        await page.create_room()
        await page.is_online()
        await page.page.close()  # before it misses the server


async def test_a_page_of_another_site_can_read_nothing(
    stage: ServerProcess, another_site: str, contexts: Callable[..., Awaitable[BrowserContext]]
) -> None:
    assert await Foreigner(contexts, another_site).tries(stage) == {
        "is it ready": UNREADABLE,
        "sign in": UNREADABLE,
        "sign in, as a form would": UNREADABLE,
        "see rooms": UNREADABLE,
        "make a room": UNREADABLE,
        "open a WebSocket": True,  # where it gets nowhere without the tokens
    }


async def test_a_listed_site_can_do_all_and_any_other_nothing(
    listing: ServerProcess, another_site: str, contexts: Callable[..., Awaitable[BrowserContext]]
) -> None:
    assert await Foreigner(contexts, another_site).tries(listing) == {
        "is it ready": 200,
        "sign in": 200,
        "sign in, as a form would": 200,
        "see rooms": 200,
        "make a room": 201,
        "open a WebSocket": True,
    }
    unlisted = another_site.replace("127.0.0.1", "localhost")
    came = await Foreigner(contexts, unlisted).tries(listing)
    assert set(came.values()) == {UNREADABLE, False}
    assert came["open a WebSocket"] is False

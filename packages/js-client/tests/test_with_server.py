"""The browser SDK against a real server: `server/*.test.js`, in a page of that server's origin.

Between the page and the server is a proxy that can be told to cut connections, through the functions of `stage`.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from browser import LAUNCH_ARGS, find_browser
from browser_modules import RUN, check
from cutting_proxy import CuttingProxy, cutting_proxy
from playwright.async_api import Browser, Page, Route, async_playwright
from server_process import ServerProcess, nodes_of_tests, running_server

import heliograph
from heliograph_server.identity.local import TOKEN_LIFE_S, LocalIdentity

PACKAGE = Path(__file__).parent.parent
MODULES = sorted(path.name for path in (PACKAGE / "tests" / "server").glob("*.test.js"))
CRASH_TIMEOUT_MS = 10_000

ECHO = """async (room) => {
  const { enter } = await import('/tests/server/room.js');
  const session = await enter({ room }, 'there');
  session.on('connection', async ({ connection }) => {
    await connection.opened();
    for await (const frame of connection.chat) await connection.chat.send(frame);
  });
}"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server whose sessions can be lost within a test, and that does not count sign-ins."""
    async with running_server(tmp_path, {"HELIOGRAPH_SIGNIN_LIMIT": "0"}) as server:
        yield server


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """The browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
        yield browser
        await browser.close()


def teach(worker: heliograph.Worker) -> None:
    """Methods that a page can call, some of which call it back."""

    @worker.rpc("add")
    async def add(a: int, b: int) -> int:
        return a + b

    @worker.rpc("echo")
    async def echo(text: str) -> str:
        return text

    @worker.rpc("count")
    async def count(to: int, size: int) -> AsyncIterator[str]:
        for _ in range(to):
            yield "x" * size

    @worker.rpc("greet_back")
    async def greet_back(connection: heliograph.Connection, name: str) -> str:
        return await connection.call("greet", name, returns=str)

    @worker.rpc("sum_back")
    async def sum_back(connection: heliograph.Connection, to: int) -> int:
        return sum([number async for number in connection.stream("rise", to, returns=int)])

    @worker.rpc("wait")
    async def wait(connection: heliograph.Connection) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await connection.call("cancelled")
            raise


async def serve_modules(page: Page, proxy: CuttingProxy) -> None:
    """Lead the page to the proxy's origin, where our modules are then."""

    async def from_package(route: Route) -> None:
        file = PACKAGE / route.request.url.removeprefix(proxy.url).lstrip("/")
        await route.fulfill(path=file, content_type="text/javascript")

    await page.route("**/tests/**", from_package)
    await page.route("**/src/**", from_package)
    await page.goto(f"{proxy.url}/health")  # from the server itself: Chromium lets no other page call this machine


async def open_stage(chromium: Browser, server: ServerProcess, proxy: CuttingProxy) -> tuple[Page, list[str]]:
    """A page of the proxy's origin that has our modules, and what it complains about."""
    page = await chromium.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def live(count: int | None) -> None:
        proxy.lives_bytes = count

    async def reborn(end: Callable[[], Awaitable[object]]) -> None:
        proxy.refusing = True  # or the proxy itself runs into the closed port
        await end()
        await server.start()
        proxy.refusing = False

    others: list[Page] = []

    async def let_another_in(room: dict[str, object]) -> None:
        others.append(await (await chromium.new_context()).new_page())
        await serve_modules(others[-1], proxy)
        await others[-1].evaluate(ECHO, room)

    async def crash() -> None:
        session = await others[-1].context.new_cdp_session(others[-1])
        crashed = others[-1].wait_for_event("crash", timeout=CRASH_TIMEOUT_MS)
        # The command itself is never answered.
        crashing = asyncio.ensure_future(session.send("Page.crash"))
        await crashed
        crashing.cancel()
        await asyncio.wait([crashing])

    workers = contextlib.AsyncExitStack()

    async def let_worker_in(room: dict[str, str]) -> None:
        worker = heliograph.Worker(server.url, room=room["roomId"], token=room["token"], peer_id="worker")
        teach(worker)
        await workers.enter_async_context(worker)

    def aged(left_s: float) -> str:
        born_at = time.time() - TOKEN_LIFE_S + left_s
        return LocalIdentity(server._data_dir, lambda: born_at).mint("anon-ann", TOKEN_LIFE_S)

    levers: dict[str, Callable[..., Any]] = {
        "aged": aged,
        "worker": let_worker_in,
        "dismiss": workers.aclose,
        "crashing": let_another_in,
        "crash": crash,
        "cut": proxy.cut,
        "keepsSessions": lambda: nodes_of_tests() > 1,  # Redis goes on where all nodes end
        "live": live,
        "cuts": lambda: proxy.cuts,
        "restart": lambda: reborn(server.kill),
        "drain": lambda: reborn(server.stop),
    }
    for name, action in levers.items():
        await page.expose_function(f"stage_{name}", action)
    await serve_modules(page, proxy)
    return page, complaints


@pytest.mark.parametrize("module", MODULES)
async def test_module(server: ServerProcess, chromium: Browser, module: str) -> None:
    """Every test that the module declares passes. (The console tells of sockets that were cut, as it should.)"""
    async with cutting_proxy(server.http_port, random.Random(7)) as proxy:
        page, complaints = await open_stage(chromium, server, proxy)
        check(module, await page.evaluate(RUN, f"/tests/server/{module}"), complaints)
        await page.close()

"""From a sign-in to an open data channel: the whole way that a user waits for, in Python and in Chromium.

And from the first request for the demo page: each time in a browser's context of its own, which has nothing of it yet.
"""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, async_playwright

import heliograph
from bench.contestants import PICOWS, Running, running
from bench.machine import SERVER_CORE, load_cores, pin

__all__ = ["CLIENTS", "DATA_CHANNEL", "OPENED", "PAGE", "time_to_data_channel"]

DATA_CHANNEL: Final = "data-channel"
PAGE: Final = "page"
CLIENTS: Final = {
    "python": "Python SDK",
    "chromium": "browser SDK in Chromium",
    PAGE: "demo page in Chromium, from its load",
}
WORKER: Final = "Worker-1"
READY_TIMEOUT_S: Final = 20.0
ROOT: Final = Path(__file__).parents[1]

IN_PAGE: Final = """
async ([room, token, worker, name]) => {
  const { connect } = await import('/sdk/index.js');
  const started = performance.now();
  const session = await connect({ room, token, peerId: name });
  const connection = await session.connect(worker);
  await connection.chat.send('hello');
  const took = performance.now() - started;
  await connection.chat.receive();
  session.close();
  return took;
}
"""

OPENED: Final = """
() => new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const [opened] = list.getEntriesByName('heliograph:channel-open');
    if (opened) resolve(opened.startTime);
  }).observe({ type: 'mark', buffered: true });
})
"""
"""Milliseconds since the navigation began: the time origin of a document (High Resolution Time)."""


def time_to_data_channel(times: int) -> dict[str, list[dict[str, Any]]]:
    """Milliseconds, `times` times for each client. The worker is a process of its own and is there already."""
    with running(PICOWS, peers=1, room_size=1) as server:
        return asyncio.run(_measure(server, times))


async def _measure(server: Running, times: int) -> dict[str, list[dict[str, Any]]]:
    url = f"http://127.0.0.1:{server.port}"
    pass_ = server.dialect.passes[0]
    link = f"{url}/#room={pass_.room_id}&token={pass_.token}"
    async with _worker(link):
        return {
            "python": [await _python(link, number) for number in range(times)],
            **await _chromium(url, [pass_.room_id, pass_.token], times),
        }


@contextlib.asynccontextmanager
async def _worker(link: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "bench" / "worker.py"), link, WORKER), stdout=subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("The worker's output is not piped")
        async with asyncio.timeout(READY_TIMEOUT_S):
            await process.stdout.readline()
        yield
    finally:
        process.terminate()
        await process.wait()


async def _python(link: str, number: int) -> dict[str, Any]:
    started = time.perf_counter()
    async with heliograph.connect(link, peer=WORKER, peer_id=f"Client-{number}") as connection:
        chat = connection.channel("chat")
        await chat.send("hello")
        took = time.perf_counter() - started
        await chat.receive()
    return {"ms": 1000 * took}


async def _chromium(url: str, room: list[str], times: int) -> dict[str, list[dict[str, Any]]]:
    sys.path.insert(0, str(ROOT / "tests"))
    from browser import LAUNCH_ARGS, find_browser  # noqa: PLC0415 - where the tests have it

    pin(load_cores() | {SERVER_CORE})  # it is several processes: on two cores, one would be left for all of them
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
        page = await chromium.new_page()
        await page.goto(url)
        names = [f"Page-{number}" for number in range(times)]
        within = [{"ms": await page.evaluate(IN_PAGE, [*room, WORKER, name])} for name in names]
        await page.close()
        room_id, token = room
        link = f"{url}/#room={room_id}&token={token}&connect={WORKER}"
        values = {"chromium": within, PAGE: [{"ms": await _load(chromium, link)} for _ in range(times)]}
        await chromium.close()
        return values


async def _load(chromium: Browser, link: str) -> float:
    """From the beginning of the navigation to the open channel."""
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(link, wait_until="commit")
    async with asyncio.timeout(READY_TIMEOUT_S):
        took: float = await page.evaluate(OPENED)
    await context.close()
    return took

"""`python -m bench.browser_files`: a file between a page and Python, both ways, and the memory of the page meanwhile.

The page is in Chromium and uses the browser SDK, Python is a process of its own with uvloop. A time is that of the
sender's `sendFile` or `send_file`: offer, hashes at both ends, and both disks included.
"""

import argparse
import asyncio
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import uvloop
from playwright.async_api import BrowserContext, CDPSession, Page, async_playwright

import heliograph

T = TypeVar("T")

TESTS: Final = Path(__file__).parents[1] / "tests"
BLOCK_BYTES: Final = 1024 * 1024
SAMPLE_EVERY_S: Final = 0.25
FLAT_BYTES: Final = 32 * 1024 * 1024
"""How much more the page may hold in the last quarter of a transfer than in the second, in the median."""
START_LIMIT_S: Final = 30
CHOOSER: Final = (
    "() => document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'it' }))"
)

SEND: Final = """
async ([room, token]) => {
  const { connect } = await import('/sdk/index.js');
  const session = await connect({ room, token, peerId: 'Page-1' });
  const connection = await session.connect('Receiver-1');
  const start = performance.now();
  const { sha256 } = await connection.sendFile(document.getElementById('it').files[0]);
  const seconds = (performance.now() - start) / 1000;
  session.close();
  return [seconds, sha256];
}
"""

RECEIVE: Final = """
async ([room, token, peerId]) => {
  const { connect } = await import('/sdk/index.js');
  const session = (window.session = await connect({ room, token, peerId }));
  window.received = new Promise((resolve, reject) => {
    session.on('connection', ({ connection }) => {
      connection.on('file', ({ file }) => file.accept().then(({ sha256, size }) => resolve([size, sha256]), reject));
    });
  });
}
"""


@dataclass
class Memory:
    """What the page and the browser hold, again and again, in bytes."""

    heap: list[int] = field(default_factory=list)
    """The page's JavaScript."""
    page: list[int] = field(default_factory=list)
    """Its process."""
    browser: list[int] = field(default_factory=list)
    """The browser's main process, which holds blobs."""

    def growth(self) -> int:
        """How much more the page's process holds in the last quarter than in the second."""
        quarter = max(1, len(self.page) // 4)
        return int(statistics.median(self.page[-quarter:]) - statistics.median(self.page[quarter : 2 * quarter]))

    def __str__(self) -> str:
        heap, page, browser = (
            f"{min(all_):.0f} to {max(all_):.0f}" for all_ in map(in_mb, (self.heap, self.page, self.browser))
        )
        words = f"MB of JavaScript {heap}, of the page's process {page}, of the browser's {browser}"
        return f"{words}; the page's last quarter beside its second: {self.growth() / 1e6:+.0f}"


def in_mb(sizes: list[int]) -> list[float]:
    """In megabytes."""
    return [size / 1e6 for size in sizes]


async def watched(page: Page, action: Awaitable[T]) -> tuple[T, Memory]:
    """What an action comes to, and the memory while it lasts."""
    browser = page.context.browser
    if browser is None:
        raise RuntimeError("The browser does not say what it is")
    of_page, of_browser = await page.context.new_cdp_session(page), await browser.new_browser_cdp_session()
    memory = Memory()
    acting = asyncio.ensure_future(action)
    while not acting.done():
        await sample(of_page, of_browser, memory)
        await asyncio.wait([acting], timeout=SAMPLE_EVERY_S)
    await of_page.detach()
    await of_browser.detach()
    return await acting, memory


async def sample(of_page: CDPSession, of_browser: CDPSession, memory: Memory) -> None:
    """Look once. A page's process is the renderer that has worked most."""
    memory.heap.append(int((await of_page.send("Runtime.getHeapUsage"))["usedSize"]))
    processes: list[dict[str, Any]] = (await of_browser.send("SystemInfo.getProcessInfo"))["processInfo"]
    renderers = [process for process in processes if process["type"] == "renderer"]
    memory.page.append(resident_bytes(max(renderers, key=lambda process: process["cpuTime"])["id"]))
    memory.browser.append(resident_bytes(next(process["id"] for process in processes if process["type"] == "browser")))


def resident_bytes(pid: int) -> int:
    """The process's resident set."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


@asynccontextmanager
async def python_peer(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One of `tests/file_peer.py`."""
    program = str(TESTS / "file_peer.py")
    process = await asyncio.create_subprocess_exec(sys.executable, program, *arguments, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def said(process: asyncio.subprocess.Process) -> list[str]:
    """The words of the next line that it prints."""
    if process.stdout is None:
        raise RuntimeError("The peer is not piped")
    return (await process.stdout.readline()).decode().split()


async def to_python(
    person: BrowserContext, link: str, id_token: str, source: Path, inbox: Path
) -> tuple[float, str, Memory]:
    """Seconds, and the hash of what arrived."""
    async with python_peer("receive", link, id_token, str(inbox)) as receiver:
        async with asyncio.timeout(START_LIMIT_S):
            await said(receiver)
        page = await opened(person, link)
        await page.evaluate(CHOOSER)
        await page.locator("#it").set_input_files(source)
        (seconds, _), memory = await watched(page, page.evaluate(SEND, place(link)))
        await page.close()
    arrived = inbox / source.name
    sha256 = digest(arrived)
    arrived.unlink()
    return seconds, sha256, memory


async def to_page(person: BrowserContext, link: str, id_token: str, source: Path) -> tuple[float, str, Memory]:
    """Seconds, and the hash that the page computed."""
    page = await opened(person, link)
    await page.evaluate(RECEIVE, [*place(link), "Page-2"])
    async with heliograph.connect(link, id_token=id_token) as session, await session.connect("Page-2") as connection:

        async def send() -> float:
            started = time.perf_counter()
            await heliograph.send_file(connection, source)
            return time.perf_counter() - started

        seconds, memory = await watched(page, send())
        _, sha256 = await page.evaluate("() => window.received")
    await page.evaluate("() => session.close()")  # or the next round's page would not get its name
    await page.close()
    return seconds, str(sha256), memory


async def opened(person: BrowserContext, link: str) -> Page:
    """A page of the server's origin."""
    page = await person.new_page()
    await page.goto(link.partition("#")[0])
    return page


def place(link: str) -> list[str]:
    """Room and token of a link."""
    return [pair.partition("=")[2] for pair in link.partition("#")[2].split("&")]


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def write_noise(path: Path, size: int) -> None:
    """Fill a file with bytes that no layer can shorten."""
    with path.open("wb") as out:
        for offset in range(0, size, BLOCK_BYTES):
            out.write(os.urandom(min(BLOCK_BYTES, size - offset)))


async def main(size: int, rounds: int) -> None:
    """Measure in turn, and print. Exits with 1 if a hash differs or the page's memory grows."""
    sys.path.insert(0, str(TESTS))
    from browser import LAUNCH_ARGS, find_browser  # noqa: PLC0415 - where the tests have them
    from server_process import running_server  # noqa: PLC0415

    rates: dict[str, list[float]] = {"page to Python": [], "Python to page": []}
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "file.bin"
        write_noise(source, size)
        expected = digest(source)
        async with async_playwright() as playwright, running_server(folder / "server") as server:
            async with heliograph.Api(server.url) as api:
                id_token = (await api.sign_in()).id_token
                room = await api.create_room(id_token=id_token)
            link = f"{server.url}/#room={room.room_id}&token={room.token}"
            # With a profile: in a private window, which other contexts are, the page's storage is in memory.
            person = await playwright.chromium.launch_persistent_context(
                folder / "profile", executable_path=find_browser(), args=LAUNCH_ARGS
            )
            for number in range(rounds):
                for way, transfer in (
                    ("page to Python", to_python(person, link, id_token, source, folder / "inbox")),
                    ("Python to page", to_page(person, link, id_token, source)),
                ):
                    seconds, sha256, memory = await transfer
                    rates[way].append(size / 1e6 / seconds)
                    print(f"{number + 1}/{rounds} {way}: {rates[way][-1]:.1f} MB/s; {memory}", flush=True)
                    if sha256 != expected:
                        problems.append(f"{way}: the content differs")
                    if memory.growth() > FLAT_BYTES:
                        problems.append(f"{way}: the page's memory grows")
            await person.close()
    for way, all_ in rates.items():
        print(f"{size / 1e6:.0f} MB, median of {rounds}, {way}: {statistics.median(all_):.1f} MB/s")
    print("; ".join(problems) or "All hashes are equal, and the page's memory stayed flat")
    raise SystemExit(bool(problems))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.browser_files", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    uvloop.run(main(options.megabytes * 1_000_000, options.rounds))

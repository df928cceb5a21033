"""Debian's Firefox, driven over WebDriver BiDi, which it speaks by itself.

`HELIOGRAPH_FIREFOX` names the program, if it is not the first one on the path. Where there is none it is installed; see
`debian.py` for where that is possible.
"""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from bidi import Session, bidi_session
from debian import NotInstalled, installed

__all__ = ["FirefoxFailed", "find_firefox", "running_firefox"]

VARIABLE: Final = "HELIOGRAPH_FIREFOX"
NAMES: Final = ["firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"]
START_TIMEOUT_S: Final = 100
STOP_TIMEOUT_S: Final = 15
PREFERENCES: Final = {
    "media.peerconnection.ice.loopback": True,  # all peers of a test are on this machine, which may have no network
    "media.peerconnection.ice.obfuscate_host_addresses": False,  # mDNS names resolve by multicast
    "browser.newtabpage.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.ipc.processPrelaunch.enabled": False,  # two tabs need no stock of processes
}


class FirefoxFailed(Exception):
    """There is no Firefox, or it does not start; says why, or what it said."""


def find_firefox() -> str:
    """The path of Firefox, installed if need be. Raises `FirefoxFailed`."""
    if named := os.environ.get(VARIABLE):
        if path := shutil.which(named):
            return path
        raise FirefoxFailed(f"{VARIABLE} is {named!r}, and there is no such program")
    if path := next(filter(None, map(shutil.which, NAMES)), None):
        return path
    try:
        return installed("firefox-esr", "firefox-esr")
    except NotInstalled as problem:
        raise FirefoxFailed(f"{problem}. {VARIABLE} may name a Firefox elsewhere") from problem


@asynccontextmanager
async def running_firefox(folder: Path) -> AsyncIterator[Session]:
    """A Firefox without windows, whose profile is in `folder`. Raises `FirefoxFailed`."""
    profile = folder / "profile"
    profile.mkdir(parents=True)
    lines = [f'user_pref("{name}", {str(value).lower()});\n' for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines), "utf-8")
    process = await asyncio.create_subprocess_exec(
        await asyncio.to_thread(find_firefox),
        *("--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a group of its own, so that nothing of it is left
        env={**os.environ, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"},
    )
    try:
        address = await _address(process)
        reading = asyncio.create_task(_read(process))
        async with bidi_session(address) as session:
            yield session
            await session.command("browser.close")
        await reading
    finally:
        await _end(process)


async def _address(process: asyncio.subprocess.Process) -> str:
    said: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT_S):
            async for line in _lines(process):
                said.append(line)
                if listening := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
                    return listening[1]
    raise FirefoxFailed("Firefox does not start: " + "\n".join(said[-20:]))


async def _read(process: asyncio.subprocess.Process) -> None:
    async for _ in _lines(process):
        pass  # a full pipe would stop it


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[str]:
    if process.stderr is None:
        raise RuntimeError("Firefox's output is not piped")
    async for line in process.stderr:
        yield line.decode(errors="replace").rstrip()


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()

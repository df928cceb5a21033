"""The Chromium that the tests drive: the installed one, or one installed for them.

`python tests/browser.py` prints its path, after installing one where there is none; what it does on the way, and what
could not be done, goes to standard error.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from debian import NotInstalled, can_install, installed

__all__ = ["LAUNCH_ARGS", "NoBrowser", "ensure_browser", "find_browser"]

LAUNCH_ARGS = [
    "--no-sandbox",  # containers run as root, and have no user namespaces
    "--disable-quic",
    "--disable-background-networking",
    "--disable-features=WebRtcHideLocalIpsWithMdns",  # mDNS names resolve by multicast, which a container may not have
]
NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
PLACES = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
]
VARIABLE = "HELIOGRAPH_BROWSER"


class NoBrowser(Exception):
    """There is no Chromium here and none could be installed; says what was tried."""


def find_browser() -> str | None:
    """The path of an installed Chrome or Chromium: the one that `HELIOGRAPH_BROWSER` names, or the first one found.

    Raises `NoBrowser` if the variable names no program.
    """
    if named := os.environ.get(VARIABLE):
        if path := shutil.which(named):
            return path
        raise NoBrowser(f"{VARIABLE} is {named!r}, and there is no such program")
    candidates = [shutil.which(name) for name in [*NAMES, *PLACES]]
    return next((path for path in candidates if path), None) or _playwrights_own()


def ensure_browser() -> str:
    """As `find_browser`, but installs one where there is none. Raises `NoBrowser`."""
    if path := find_browser():
        return path
    if can_install():
        try:
            return installed("chromium", "chromium")
        except NotInstalled as problem:
            raise NoBrowser(f"No Chrome or Chromium found, and {problem}") from problem
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    _say(f"No Chrome or Chromium here. Running: {' '.join(command)}")
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        raise NoBrowser(f"No Chrome or Chromium found, and this failed: {' '.join(command)}")
    if path := find_browser():
        return path
    raise NoBrowser(f"No Chrome or Chromium found, even after {' '.join(command)}")


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        print(ensure_browser())
    except NoBrowser as problem:
        _say(f"{problem}. Install Chromium, or set {VARIABLE} to the path of a Chrome or Chromium.")
        sys.exit(1)

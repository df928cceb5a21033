"""Run where nothing but the server's wheel is installed: the pages and the browser SDK come with it."""

import json
import re
import signal
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

COMMAND = Path(sys.executable).with_name("heliograph-server")
IMPORT = re.compile(r"""(?:(?:from|import)\s*|import\((?=['"]/joined/))['"]([^'"]+\.js)['"]""")
STOP_TIMEOUT_S = 10


class Assets(HTMLParser):
    """What a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the addresses of scripts and of what is linked."""
        wanted = {"script": "src", "link": "href"}.get(tag)
        self.paths += [value for name, value in attrs if name == wanted and value]


def load(url: str) -> str:
    """The text behind an address; raises if there is none."""
    with urlopen(url, timeout=STOP_TIMEOUT_S) as response:
        return str(response.read().decode())


def load_page(url: str) -> set[str]:
    """Load a page, what it links to, and every module that those import. Returns all addresses."""
    assets = Assets()
    assets.feed(load(url))
    return load_modules([urljoin(url, path) for path in assets.paths if not path.startswith("data:")])


def load_modules(waiting: list[str]) -> set[str]:
    """Load files, and every module that those import, at once or later. Returns all addresses."""
    seen: set[str] = set()
    while waiting:
        address = waiting.pop()
        if address not in seen:
            seen.add(address)
            text = load(address)
            if address.endswith(".js"):
                waiting += [urljoin(address, path) for path in IMPORT.findall(text)]
    return seen


with tempfile.TemporaryDirectory() as data_dir:
    options = ["--http-port", "0", "--ws-port", "0", "--data-dir", data_dir, "--log-format", "json"]
    with subprocess.Popen([COMMAND, "serve", *options], stdout=subprocess.PIPE, text=True) as process:
        events = (json.loads(line) for line in process.stdout or ())
        port = next(event["http_port"] for event in events if event["event"] == "server.listening")
        try:
            url = f"http://127.0.0.1:{port}"
            found = load_page(f"{url}/") | load_page(f"{url}/inspector") | load_modules([f"{url}/sdk/index.js"])
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(STOP_TIMEOUT_S)
if code != 0:
    raise SystemExit(f"The server ended with {code}")
for kind in ("/joined/app.js", "/joined/page.css", "/inspector/static/app.js", "/sdk/session.js"):
    if not any(kind in address for address in found):
        raise SystemExit(f"The pages load nothing of {kind}")

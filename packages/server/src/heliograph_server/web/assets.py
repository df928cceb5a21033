"""The files of the demo page and of the browser SDK, wherever this installation has them."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from msgspec import Struct

from heliograph_server.web.bundle import join_modules, join_sheets

__all__ = ["Asset", "Assets", "find_assets", "find_folder"]

MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ts": "text/plain",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""Our own list: what the operating system thinks of a suffix differs, and a module of the wrong type does not run."""

MAX_ASSET_BYTES: Final = 8 * 1024 * 1024


class Asset(Struct, frozen=True):
    """A file as it is served. `etag` is that of RFC 9110, quotes included."""

    content: bytes
    media_type: str
    etag: str


class Assets(Struct, frozen=True):
    """Where the files are."""

    templates: Path
    static: Path
    sdk: Path

    @staticmethod
    def read(folder: Path, name: str) -> Asset | None:
        """The file of that relative name in a folder; None if there is none that may be served.

        Neither `..` nor a link leads out of the folder, and names that begin with a dot are nobody's business.
        """
        media_type = MEDIA_TYPES.get(Path(name).suffix)
        parts = name.strip("/").split("/")
        if media_type is None or "\0" in name or any(part.startswith(".") or "\\" in part for part in parts):
            return None
        try:
            root = folder.resolve()
            path = root.joinpath(*parts).resolve()
            if not path.is_relative_to(root):
                return None
            with path.open("rb") as file:
                content = file.read(MAX_ASSET_BYTES + 1)
        except (OSError, RuntimeError):  # not there, not a file, not readable; links that go in a circle
            return None
        if len(content) > MAX_ASSET_BYTES:
            return None
        return Asset(content, media_type, _etag(content))

    def joined(self, name: str, after: str | None = None) -> Asset | None:
        """A page's files as one: the module of that name in `static` with all that it imports, or the style sheets that
        a sheet of that name imports; None if there is no such file. With `after`, it is a module that is loaded when
        the one of that name is there.

        What was joined is kept until one of the files changes. Raises `ModuleProblem`.
        """
        state = tuple(_states(self.static, self.sdk))
        return _joined(self, name, after, state)


@lru_cache(maxsize=16)
def _joined(
    assets: Assets,
    name: str,
    after: str | None,
    state: tuple[tuple[str, int, int], ...],  # noqa: ARG001 - a key
) -> Asset | None:
    if any(Assets.read(assets.static, one) is None for one in (name, after or name)):
        return None
    media_type = MEDIA_TYPES[Path(name).suffix]
    if media_type == "text/javascript":
        first = None if after is None else f"/static/{after}"
        text = join_modules(f"/static/{name}", lambda address: _text(assets, address), first)
    elif media_type == "text/css":
        text = join_sheets(f"/static/{name}", lambda address: _text(assets, address))
    else:
        return None
    content = text.encode()
    return Asset(content, media_type, _etag(content))


def _text(assets: Assets, address: str) -> str | None:
    _, where, name = address.split("/", 2)
    asset = Assets.read(assets.static if where == "static" else assets.sdk, name)
    return None if asset is None else asset.content.decode("utf-8", "replace")


def _states(*folders: Path) -> Iterator[tuple[str, int, int]]:
    """What tells that a file has changed."""
    for folder in folders:
        for path in sorted(folder.glob("*")):
            stat = path.lstat()
            yield str(path), stat.st_mtime_ns, stat.st_size


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def find_folder(name: str) -> Path:
    """The folder of a page (`demo`, `inspector`) or of the browser SDK (`sdk`): see `find_assets`."""
    packed = Path(__file__).parent / "assets"
    if packed.is_dir():
        return packed / name
    checkout = (Path(__file__).parent / "../../../../..").resolve()
    return checkout / "packages" / "js-client" / "src" if name == "sdk" else checkout / "web" / name


def find_assets() -> Assets:
    """The files that the wheel brought, else those of the checkout that this module is in."""
    demo, sdk = find_folder("demo"), find_folder("sdk")
    return Assets(templates=demo / "templates", static=demo / "static", sdk=sdk)

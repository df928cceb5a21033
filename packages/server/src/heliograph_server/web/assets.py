"""The files of the demo page and of the browser SDK, wherever this installation has them."""

import hashlib
from pathlib import Path
from typing import Final

from msgspec import Struct

__all__ = ["Asset", "Assets", "find_assets"]

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
        return Asset(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def find_assets() -> Assets:
    """The files that the wheel brought, else those of the checkout that this module is in."""
    packed = Path(__file__).parent / "assets"
    if packed.is_dir():
        demo, sdk = packed / "demo", packed / "sdk"
    else:
        checkout = (Path(__file__).parent / "../../../../..").resolve()
        demo, sdk = checkout / "web" / "demo", checkout / "packages" / "js-client" / "src"
    return Assets(templates=demo / "templates", static=demo / "static", sdk=sdk)

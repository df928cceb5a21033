"""What a page loads that has no bundler: how much it is, and that it does what the modules do that it is made of."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest
from browser_modules import run_module
from playwright.sync_api import Browser, Route

PACKAGE = Path(__file__).parent.parent
CORE = "heliograph.min.js"
LIMITS = {
    CORE: 15_000,
    "heliograph-staying.min.js": 1_700,
    "heliograph-upkeep.min.js": 1_600,
    "heliograph-rpc.min.js": 2_500,
    "heliograph-splitting.min.js": 1_500,
    "heliograph-files.min.js": 6_800,
    "heliograph-api.min.js": 1_000,
    "heliograph-sha256.min.js": 1_000,
}
"""In bytes, gzipped. The first is what every page loads; the README has what they are now."""
MODULES = ["connection", "files", "redial", "rpc", "restart", "signaling", "staying"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that npm gets as `dist`."""
    node = shutil.which("node")
    assert node is not None
    folder = tmp_path_factory.mktemp("built") / "dist"
    subprocess.run([node, "build.mjs", folder], cwd=PACKAGE, check=True)
    return folder


def test_the_files_are_small(built: Path) -> None:
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in built.iterdir()}
    assert sizes.keys() == LIMITS.keys()
    assert {name: size for name, size in sizes.items() if size >= LIMITS[name]} == {}


@pytest.mark.parametrize("module", MODULES)
def test_they_do_what_the_modules_do(site: str, built: Path, chromium: Browser, module: str) -> None:
    """The tests run with the built files in the place of the entry, and all of them are asked for."""
    page = chromium.new_page()
    asked: set[str] = set()

    def give(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        asked.add(name)
        route.fulfill(body=(built / name).read_bytes(), content_type="text/javascript")

    page.route("**/dist/*", give)
    page.route(
        "**/src/index.js",
        lambda route: route.fulfill(body=f"export * from '/dist/{CORE}';", content_type="text/javascript"),
    )
    run_module(page, site, f"/tests/{module}.test.js")
    assert CORE in asked
    if module in {"files", "rpc"}:
        assert {f"heliograph-{module}.min.js", "heliograph-upkeep.min.js"} <= asked
    assert "heliograph-staying.min.js" in asked

"""What holds for the repository as a whole."""

import json
import re
import subprocess
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import msgspec
import pytest

from heliograph_server.settings import Settings, variable

ROOT = Path(__file__).parents[1]
MAX_LINES = 400
SOURCES = {".py", ".js", ".mjs", ".css", ".html", ".tf", ".sh"}
OURS = {"heliograph", "heliograph-protocol", "heliograph-server"}
TOOLS = {"pip", "setuptools", "uv"}  # bring what is locked, and are not
OF_ONE_MACHINE = re.compile(
    r"(?<![\w.])/(?:home|root|Users|work|farm)/\w|\.pyen[v]/|files\.pythonhosted|pypi\.org/simple|registry\.npmjs|deb\.debian\.org"
)


def tracked(*patterns: str) -> list[Path]:
    """The files that git knows."""
    listing = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def documents() -> list[Path]:
    return tracked("*.md")


def test_nothing_belongs_to_one_machine_or_one_package_index() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in OF_ONE_MACHINE.finditer(text)]
    assert found == []


def test_source_files_are_small() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in tracked() if path.suffix in SOURCES}
    assert {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_documents_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"(?:\]\(|src=\"|srcset=\"|href=\")([^)\"#\s]+)", path.read_text("utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_documents_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    noxfile = (ROOT / "noxfile.py").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    sessions = set(re.findall(r"^def (\w+)\(session: nox\.Session\) -> None:", noxfile, re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", text, re.MULTILINE)) <= {
        pair for name in targets for pair in ((name, ""), ("", name))
    }
    assert set(re.findall(r"nox -s (\w+)", text)) <= sessions


def test_the_table_of_settings_has_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? ?\|", (ROOT / "docs/settings.md").read_text("utf-8"), re.MULTILINE)
    defaults = msgspec.structs.asdict(Settings())
    assert dict(rows) == {variable(name): shown(value) for name, value in defaults.items()}


def shown(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case None:
            return ""
        case tuple():
            return ",".join(value)
        case _:
            return str(value)


def test_every_package_has_the_same_version() -> None:
    projects = [tomllib.loads(path.read_text("utf-8"))["project"] for path in tracked("packages/*/pyproject.toml")]
    versions = {project["name"]: project["version"] for project in projects}
    npm = json.loads((ROOT / "packages/js-client/package.json").read_text("utf-8"))
    assert set(versions) == OURS
    assert {*versions.values(), npm["version"]} == {versions["heliograph"]}


def test_what_is_installed_is_what_is_locked() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock, re.MULTILINE))
    installed = {(re.sub(r"[-_.]+", "-", found.name).lower(), found.version) for found in distributions()}
    assert {(name, version) for name, version in installed - locked if name not in OURS | TOOLS} == set()

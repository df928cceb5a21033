"""The image of the server: its build steps, carried out in a folder, and what they make, run as the image would."""

import os
import re
import signal
import socket
import subprocess
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from .dockerfile import Build, Stage, parse

pytestmark = pytest.mark.timeout(400)  # the steps of the image fetch what is not in a cache

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "infra/docker/Dockerfile"
# Root without capabilities is as bound by the rights of files as anybody.
WITHOUT_CAPABILITIES = ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]
UNPRIVILEGED = WITHOUT_CAPABILITIES if os.getuid() == 0 else []
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10


@pytest.fixture(scope="module")
def stages() -> tuple[Stage, Stage]:
    """The stage that builds, and the one that is left."""
    build, final = parse(DOCKERFILE)
    return build, final


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, stages: tuple[Stage, Stage]) -> Iterator[Path]:
    """What the build stage leaves for the image: the folder that is copied, and read only."""
    place = tmp_path_factory.mktemp("image")
    venv.create(place / "base", with_pip=True)
    build = Build(place / "root", ROOT, DOCKERFILE.with_name("Dockerfile.dockerignore"), place / "base/bin/python")
    build.run(stages[0])
    [copied] = stages[1].all("COPY")
    origin, source, target = copied.words
    assert (origin, source) == (f"--from={stages[0].name}", target), "scripts name the place they were installed in"
    home = build.path(source)
    folders = [home, *(path for path in home.rglob("*") if path.is_dir() and not path.is_symlink())]
    for folder in folders:
        folder.chmod(0o555)
    yield home
    for folder in folders:
        folder.chmod(0o755)


class Container:
    """The server as the image starts it: with its environment, without privileges, and nothing to write but data."""

    def __init__(self, final: Stage, home: Path, data: Path) -> None:
        self._final = final
        image = final.environment()
        self._environment = {
            **image,
            "PATH": image["PATH"].replace("/opt/heliograph", str(home)).replace("$PATH", "/usr/bin:/bin"),
            "HELIOGRAPH_DATA_DIR": str(data),
            "HELIOGRAPH_HTTP_PORT": str(free_port()),
            "HELIOGRAPH_WS_PORT": str(free_port()),
        }
        self._home, self._data = home, data

    def start(self, *options: str) -> "subprocess.Popen[bytes]":
        """Run ENTRYPOINT and CMD."""
        command = [*self._final.one("ENTRYPOINT").words, *self._final.one("CMD").words, *options]
        return subprocess.Popen(
            [*UNPRIVILEGED, self._home / "bin" / command[0], *command[1:]],
            cwd=self._data,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def healthy(self) -> bool:
        """Run the command of HEALTHCHECK."""
        command = self._final.one("HEALTHCHECK").value.partition("CMD ")[2]
        [program, *arguments] = re.findall(r'"([^"]+)"', command)
        asked = [*UNPRIVILEGED, self._home / "bin" / program, *arguments]
        return subprocess.run(asked, env=self._environment, cwd="/", check=False).returncode == 0

    def wait_healthy(self, server: "subprocess.Popen[bytes]") -> None:
        """As an engine waits: ask again and again, until the time is over."""
        end = time.monotonic() + START_TIMEOUT_S
        while not self.healthy():
            assert server.poll() is None, "the server has ended"
            assert time.monotonic() < end, "the server is not healthy in time"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def container(stages: tuple[Stage, Stage], home: Path, tmp_path: Path) -> Container:
    """A container that has not started."""
    data = tmp_path / "data"
    data.mkdir()
    return Container(stages[1], home, data)


def test_it_runs_is_healthy_and_stops(container: Container, stages: tuple[Stage, Stage], home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    assert not container.healthy()
    server = container.start()
    try:
        container.wait_healthy(server)
        server.send_signal(getattr(signal, stages[1].one("STOPSIGNAL").value))
        output, _ = server.communicate(timeout=STOP_TIMEOUT_S)
    finally:
        server.kill()
        server.wait()
    assert server.returncode == 0
    assert b'"event":"server.listening"' in output.replace(b'": "', b'":"')
    assert not container.healthy()
    after = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    assert after == before, "a read-only root is enough"


def test_it_has_what_aws_takes_and_the_page(home: Path) -> None:
    code = "import boto3, heliograph_server, pathlib; print(heliograph_server.__file__)"
    asked = subprocess.run([home / "bin/python", "-c", code], capture_output=True, text=True, check=True)
    package = Path(asked.stdout.strip()).parent
    assert package.is_relative_to(home)
    assert (package / "web/assets/demo").is_dir()
    assert (package / "web/assets/sdk/index.js").is_file()


def test_every_dependency_is_the_locked_one(home: Path) -> None:
    locked = dict(re.findall(r"(?m)^([a-z0-9._-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text("utf-8")))
    code = "from importlib.metadata import distributions\nfor one in distributions(): print(one.name, one.version)"
    listed = subprocess.run([home / "bin/python", "-c", code], capture_output=True, text=True, check=True).stdout
    installed = dict(line.lower().replace("_", "-").split() for line in listed.splitlines())
    ours = {name for name in installed if name.startswith("heliograph")}
    assert ours == {"heliograph-server", "heliograph-protocol"}
    assert {
        name: version for name, version in installed.items() if name not in ours and locked.get(name) != version
    } == {}
    assert not {"pip", "uv", "hatchling", "setuptools", "pytest"} & installed.keys()


@pytest.mark.parametrize("platform", ["x86_64", "aarch64"])
def test_every_dependency_has_a_wheel_for_both_kinds_of_processors(
    home: Path, stages: tuple[Stage, Stage], tmp_path: Path, platform: str
) -> None:
    """What the image installs, looked up for a processor that this machine need not have."""
    [version] = re.findall(r"(?m)^ARG PYTHON=python:([\d.]+)-slim", DOCKERFILE.read_text("utf-8"))
    [installing] = [run.value for run in stages[0].all("RUN") if "uv pip install" in run.value]
    assert {"--only-binary :all:", "--constraints requirements.lock"} <= set(re.findall(r"--\S+ [^-]\S+", installing))
    wheels = sorted(home.parents[1].glob("src/dist/*.whl"))
    assert len(wheels) == 2
    command: list[str | Path] = [home.parents[2] / "base/bin/uv", "pip", "install", "--dry-run", "--target", tmp_path]
    options: list[str | Path] = [
        "--only-binary",
        ":all:",
        "--constraints",
        ROOT / "requirements.lock",
        "--python-version",
        version,
    ]
    wanted: list[str | Path] = [wheels[0], f"{wheels[1]}[aws]"]
    subprocess.run([*command, *options, "--python-platform", f"{platform}-manylinux_2_28", *wanted], check=True)


def test_the_image_gives_its_process_nothing_to_misuse(stages: tuple[Stage, Stage]) -> None:
    final = stages[1]
    user, _, group = final.one("USER").value.partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert not any(re.search(r"\b(pip|uv|apt-get|curl|wget)\b", run.value) for run in final.all("RUN"))
    assert final.one("VOLUME").words == [final.environment()["HELIOGRAPH_DATA_DIR"]]
    assert final.one("EXPOSE").words == ["8001", "8080"]


def test_a_folder_nobody_may_write_in_is_what_the_server_runs_from(home: Path) -> None:
    trying = subprocess.run([*UNPRIVILEGED, "touch", home / "bin/x"], capture_output=True, check=False)
    assert trying.returncode != 0

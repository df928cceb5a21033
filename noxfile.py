"""What contributors and CI run. A bare `nox` runs every check; `nox --list` says what there is."""

import hashlib
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
LOCK = "requirements.lock"
PROTOCOL, SERVER, CLIENT, BROWSER = (f"packages/{name}" for name in ("protocol", "server", "py-client", "js-client"))
PACKAGES = [PROTOCOL, SERVER, CLIENT]
GENERATED = {"schema": "docs/protocol.schema.json", "typescript": f"{BROWSER}/src/protocol.d.ts"}
LOCKED = ["--constraints", LOCK, "--build-constraints", LOCK]


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Run the server and a Python worker, and print the URL of a page that connects to it."""
    install(session, compiled=True)
    # On Ctrl-C the demo gets the same signal; it closes everything and exits by itself.
    session.run(
        "python", "-m", "heliograph_server", "demo", *session.posargs, interrupt_timeout=10, terminate_timeout=5
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Check the formatting and the style of Python and Terraform files."""
    install(session, "lint", packages=[])
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    if not any(ROOT.glob("infra/terraform/**/*.tf")):
        return
    if shutil.which("terraform") is None:
        session.warn("The formatting of infra/terraform is not checked: there is no terraform on PATH")
    else:
        session.run("terraform", "fmt", "-check", "-recursive", "infra/terraform", external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types: mypy --strict for Python, tsc --checkJs for the browser SDK and the demo page."""
    install(session, "types")
    sources = [f"{package}/src" for package in PACKAGES]
    programs = [folder for folder in ("tests", "examples", "bench") if any((ROOT / folder).rglob("*.py"))]
    session.run("mypy", *sources, "noxfile.py", *programs)
    for package in [*PACKAGES, BROWSER]:
        session.run("mypy", f"{package}/tests")  # each on its own: every one of them has a conftest
    install_typescript(session)
    for config in sorted([BROWSER, *map(str, Path("web").glob("*/tsconfig.json"))]):
        session.run("node", f"{BROWSER}/node_modules/typescript/bin/tsc", "--project", config, external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests of the protocol, the server and the Python SDK, and those of the repository itself."""
    install(session, "test")
    session.run(
        "pytest", *(session.posargs or [*(f"{package}/tests" for package in PACKAGES), "tests/test_repository.py"])
    )


@nox.session
def js(session: nox.Session) -> None:
    """Run the tests of the browser SDK in a real Chromium."""
    install(session, "test")
    session.run("pytest", f"{BROWSER}/tests", *session.posargs, env=browser(session))


@nox.session
def e2e(session: nox.Session) -> None:
    """Run the stories: a real server, real Chromium, real Python workers."""
    install(session, "test")
    session.run("pytest", "tests/e2e", *session.posargs, env=browser(session))


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheels and the npm package, and use each where nothing else of ours is."""
    install(session, "build", packages=[])
    workshop = Path(session.create_tmp())
    shutil.rmtree(workshop)
    wheels = workshop / "dist"
    for package in PACKAGES:
        session.run("uv", "build", "--wheel", "--no-build-isolation", "--quiet", "--out-dir", str(wheels), package)
    [protocol] = map(str, wheels.glob("heliograph_protocol-*.whl"))
    for name, pattern in {"protocol": "_protocol-*", "server": "_server-*", "client": "-*"}.items():
        [wheel] = map(str, wheels.glob(f"heliograph{pattern}.whl"))
        venv = workshop / name
        session.run("uv", "venv", "--quiet", str(venv))
        session.run("uv", "pip", "install", "--quiet", f"--python={venv}", *LOCKED, *sorted({protocol, wheel}))
        session.run(str(venv / "bin" / "python"), f"tests/wheels/{name}.py", external=True)
    install_typescript(session)
    session.run("npm", "pack", "--loglevel=error", f"--pack-destination={wheels}", f"./{BROWSER}", external=True)
    [tarball] = map(str, wheels.glob("*.tgz"))
    page = workshop / "page"
    session.run("npm", "install", "--loglevel=error", f"--prefix={page}", tarball, external=True)
    shutil.copy(ROOT / "tests/wheels/browser.mjs", page)
    session.run("node", str(page / "browser.mjs"), external=True)


@nox.session(default=False)
def generate(session: nox.Session) -> None:
    """Rewrite what is derived from the messages: the JSON Schema and the TypeScript declarations."""
    install(session, packages=[PROTOCOL])
    for document, path in GENERATED.items():
        text = session.run("python", "-m", "heliograph_protocol", document, silent=True)
        (ROOT / path).write_text(str(text), encoding="utf-8")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Rewrite requirements.lock after a dependency changed; with `-- --upgrade`, take the newest of everything."""
    names = ["heliograph-protocol", "heliograph-server", "heliograph"]
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", *(f"{package}/pyproject.toml" for package in PACKAGES)),
        *("--group", "dev", "--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"),
        *("--no-header", "--no-annotate", *(f"--no-emit-package={name}" for name in names)),
        *("--output-file", LOCK, *session.posargs),
    )


def install(session: nox.Session, *groups: str, packages: list[str] = PACKAGES, compiled: bool = False) -> None:
    """Install dependency groups and our own packages, in the locked versions; nothing if that is what is there.

    `compiled` makes the bytecode at once: the first start is slower by that, and every start after it faster.
    """
    inputs = [LOCK, "pyproject.toml", *(f"{package}/pyproject.toml" for package in packages)]
    state = hashlib.sha256(repr([str(ROOT), sys.version, groups, packages]).encode())
    for path in inputs:
        state.update((ROOT / path).read_bytes())
    stamp = Path(session.virtualenv.location) / "installed"
    if stamp.exists() and stamp.read_text() == state.hexdigest():
        return
    editable = [argument for package in packages for argument in ("--editable", package)]
    options = ["--compile-bytecode"] if compiled else []
    session.install(*options, *LOCKED, *(f"--group={group}" for group in groups), *editable)
    stamp.write_text(state.hexdigest())


def install_typescript(session: nox.Session) -> None:
    """Install the locked TypeScript compiler into the browser SDK, with Node.js from PATH or else from a wheel."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        session.log("There is no Node.js on PATH: taking the one that PyPI has")
        session.install(*LOCKED, "--group=node")
    wanted = (ROOT / BROWSER / "package-lock.json").read_bytes()
    stamp = ROOT / BROWSER / "node_modules" / ".installed"
    if not stamp.exists() or stamp.read_bytes() != wanted:
        session.run("npm", "ci", "--loglevel=error", "--prefix", BROWSER, external=True)
        stamp.write_bytes(wanted)


def browser(session: nox.Session) -> dict[str, str]:
    """The environment that tells the tests which browser to drive."""
    path = str(session.run("python", "tests/browser.py", silent=True, stderr=None, log=False)).strip()
    session.log(f"The browser is {path}")
    return {"HELIOGRAPH_BROWSER": path}

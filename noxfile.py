"""What contributors and CI run. A bare `nox` runs every check; `nox --list` says what there is."""

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import nox

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each process that a test starts would compile all that it imports

ROOT = Path(__file__).parent
LOCK = "requirements.lock"
PROTOCOL, SERVER, CLIENT, BROWSER = (f"packages/{name}" for name in ("protocol", "server", "py-client", "js-client"))
PACKAGES = [PROTOCOL, SERVER, CLIENT]
USER_PROJECT = "tests/user_project"
GENERATED = {
    "schema": "docs/protocol.schema.json",
    "typescript": f"{BROWSER}/src/protocol.d.ts",
    "asyncapi": "docs/asyncapi.json",
}
CHECKOV = "infra/terraform/checkov.in"
CHECKOV_LOCK = "infra/terraform/checkov.lock"
TERRAFORM = [  # configurations that stand on their own
    "modules/signaling-data",
    "modules/signaling-host",
    "modules/tls-load-balancer",
    "modules/signaling-server",
    "modules/signaling-server/examples/minimal",
    "modules/signaling-server/examples/load-balancer",
    "modules/signaling-cluster",
    "modules/signaling-cluster/examples/minimal",
    "environments/dev",
    "environments/production",
]
TERRAFORM_PLUGIN_DIR = "TERRAFORM_PLUGIN_DIR"
ON_SEVERAL_NODES = [  # tests of one server, besides the stories, that start a real one
    f"{SERVER}/tests/integration",
    f"{SERVER}/tests/api",
    f"{SERVER}/tests/identity/test_process.py",
    f"{CLIENT}/tests/integration",
    f"{BROWSER}/tests/test_with_server.py",
]
LOCKING = [
    *("--universal", "--python-version", "3.11", "--generate-hashes", "--quiet", "--no-header", "--no-annotate"),
]
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
    """Check the types: mypy --strict for Python, pyright for a user's project, tsc for the browser SDK and the page."""
    install(session, "types")
    sources = [f"{package}/src" for package in PACKAGES]
    folders = ("tests", "examples", "bench", "infra", "docs")
    programs = [folder for folder in folders if any((ROOT / folder).rglob("*.py"))]
    install_npm(session, BROWSER)

    def with_mypy() -> None:
        session.run("mypy", *sources, "noxfile.py", *programs)
        for package in [*PACKAGES, BROWSER]:
            session.run("mypy", f"{package}/tests")  # each on its own: every one of them has a conftest
        session.run("mypy", "--config-file", f"{USER_PROJECT}/pyproject.toml", USER_PROJECT)

    def with_node() -> None:
        python = str(Path(session.virtualenv.location).absolute() / "bin" / "python")
        session.run("pyright", "--warnings", "--project", USER_PROJECT, "--pythonpath", python)
        for config in sorted([BROWSER, *map(str, Path("web").glob("*/tsconfig.json"))]):
            session.run("node", f"{BROWSER}/node_modules/typescript/bin/tsc", "--project", config, external=True)

    at_once(with_mypy, with_node)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests of the protocol, the server and the Python SDK, and those of the repository itself."""
    install(session, "test")
    install_npm(session, f"{PROTOCOL}/tests")
    # Much of it is waiting for other processes: two at a time, a file each, so that its server starts once. The long
    # ones are first, so that neither of the two waits for the other in the end.
    options = ["--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder"]
    everything = [
        "tests/docker",
        "tests/chaos",
        *(f"{package}/tests" for package in reversed(PACKAGES)),
        "tests/benchmarks",
        "tests/test_repository.py",
    ]
    session.run("pytest", *(session.posargs or [*options, *everything]))


@nox.session
def js(session: nox.Session) -> None:
    """Run the tests of the browser SDK in a real Chromium."""
    install(session, "test")
    install_npm(session, BROWSER)
    session.run("pytest", f"{BROWSER}/tests", *session.posargs, env=browser(session))


@nox.session
def e2e(session: nox.Session) -> None:
    """Run the stories: a real server, real Chromium, real Python workers."""
    install(session, "test")
    install_npm(session, "tests/e2e")
    # Much of it is waiting for a page or for a peer that is to be noticed as gone: two at a time, a file each.
    options = ["--numprocesses=2", "--dist=loadfile"]
    session.run("pytest", "tests/e2e", *(session.posargs or options), env=browser(session))


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
    install_npm(session, BROWSER)
    session.run("npm", "pack", "--loglevel=error", f"--pack-destination={wheels}", f"./{BROWSER}", external=True)
    [tarball] = map(str, wheels.glob("*.tgz"))
    page = workshop / "page"
    session.run("npm", "install", "--loglevel=error", f"--prefix={page}", tarball, external=True)
    shutil.copy(ROOT / "tests/wheels/browser.mjs", page)
    session.run("node", str(page / "browser.mjs"), external=True)


@nox.session
def terraform(session: nox.Session) -> None:
    """Check what deploys to AWS: terraform validate and test, with a mocked provider, and what runs on the instance."""
    if shutil.which("terraform") is None:
        session.skip("infra/terraform is neither validated nor tested: there is no terraform on PATH")
    install(session, "test")
    env = terraform_environment(session)
    copy = Path(session.create_tmp()) / "terraform"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT / "infra/terraform", copy, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    plugins = [f"-plugin-dir={env[TERRAFORM_PLUGIN_DIR]}"] if env.get(TERRAFORM_PLUGIN_DIR) else []

    def check(name: str) -> None:
        command = ["terraform", f"-chdir={copy / name}"]
        session.run(*command, "init", "-backend=false", "-no-color", *plugins, external=True, env=env, silent=True)
        session.run(*command, "validate", "-no-color", external=True, env=env)
        if any((copy / name / "tests").glob("*.tftest.hcl")):
            session.run(*command, "test", "-no-color", external=True, env=env)

    at_once(*(partial(check, name) for name in TERRAFORM))
    session.run("pytest", "tests/terraform", *session.posargs)


@nox.session
def aws(session: nox.Session) -> None:
    """Apply the environments to an emulated AWS with the real provider, run the main job there, and destroy them."""
    if shutil.which("terraform") is None:
        session.skip("What runs on AWS is not tried out: there is no terraform on PATH")
    install(session, "test")
    env = browser(session) | terraform_environment(session)
    # Most of it is waiting for Terraform, which waits for AWS: a file each at the same time.
    session.run("pytest", *(session.posargs or ["--numprocesses=2", "--dist=loadfile", "tests/aws"]), env=env)


@nox.session
def checkov(session: nox.Session) -> None:
    """Look for what is insecure in infra: each check that is skipped has its reason beside it."""
    session.install("--require-hashes", "--requirement", CHECKOV_LOCK)
    options = ["--framework", "terraform", "dockerfile", "--skip-download", "--quiet", "--compact"]
    session.run("checkov", "--directory", "infra", *options)


@nox.session(default=False)
def cluster(session: nox.Session) -> None:
    """Prove that several nodes are one: chaos at full size, and then the tests of one server on three nodes.

    `-- tests/chaos`, or the path of another test, runs that alone: all of it takes half an hour.
    """
    install(session, "test")
    install_npm(session, "tests/e2e")
    env = browser(session) | {"CLUSTER_TESTS": "full"}
    several = ["-p", "several_nodes"]
    if session.posargs:
        session.run("pytest", *several, *session.posargs, env=env | {"SERVER_TEST_NODES": "3"})
        return
    session.run("pytest", "tests/chaos", "--capture=no", env=env)
    session.run("pytest", f"{SERVER}/tests", "-k", "cluster or workers", env=env)
    for tests in (*ON_SEVERAL_NODES, "tests/e2e"):
        session.run("pytest", *several, tests, env=env | {"SERVER_TEST_NODES": "3"})


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure this server beside PeerServer and a plain baseline; `-- --short` only sees whether that works."""
    install(session, "bench")
    install_npm(session, "bench")
    session.run("python", "-m", "bench", *session.posargs, env=browser(session))


@nox.session(default=False)
def bench_cluster(session: nox.Session) -> None:
    """Measure several nodes, and check the model of many on three of them; `-- --short` only sees whether it works."""
    install(session, "bench", "test")
    session.run("python", "-m", "bench.cluster", *session.posargs)


@nox.session(default=False)
def bench_files(session: nox.Session) -> None:
    """Measure a file through the SDK beside a bare aiortc channel; `-- --megabytes 2147 --rounds 1` for the memory."""
    install(session, "bench")
    session.run("python", "-m", "bench.files", *session.posargs)


@nox.session(default=False)
def bench_browser_files(session: nox.Session) -> None:
    """Send 200 MB from a page to Python and back: rate, hashes, and whether the page's memory stays flat."""
    install(session, "bench")
    session.run("python", "-m", "bench.browser_files", *session.posargs, env=browser(session))


@nox.session(default=False)
def bench_connections(session: nox.Session) -> None:
    """Measure connecting, what 500 connections leave behind, and how soon a killed peer is noticed, against limits."""
    install(session, "bench")
    session.run("python", "-m", "bench.connections", *session.posargs)


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Ten minutes at half load with peers that come and go: memory stays flat, no task and no file is left."""
    install(session, "bench")
    session.run("python", "-m", "bench.soak", *session.posargs)


@nox.session(default=False)
def soak_files(session: nox.Session) -> None:
    """Kill a side, the server or the network in each of 50 transfers of 200 MB; `-- --kills 10` is shorter."""
    install(session, "test")
    session.run("python", "tests/killed_transfers.py", *session.posargs)


@nox.session(default=False)
def screenshots(session: nox.Session) -> None:
    """Take the pictures of the pages in docs/images anew, light and dark, at the sizes of a desktop and of a phone."""
    install(session, "test", "bench")
    session.run("python", "tests/screenshots.py", env=browser(session))


@nox.session(default=False)
def generate(session: nox.Session) -> None:
    """Rewrite what is derived: documents of the messages, the references in docs, tables of Terraform's READMEs."""
    install(session, packages=[PROTOCOL, CLIENT])
    for document, path in GENERATED.items():
        text = session.run("python", "-m", "heliograph_protocol", document, silent=True)
        (ROOT / path).write_text(str(text), encoding="utf-8")
    session.run("python", "docs/reference/generate.py")
    session.run("python", "infra/terraform/tables.py")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Rewrite the locks after a dependency changed; with `-- --upgrade`, take the newest of everything."""
    names = ["heliograph-protocol", "heliograph-server", "heliograph"]
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", *(f"{package}/pyproject.toml" for package in PACKAGES)),
        *("--group", "dev", *LOCKING, *(f"--no-emit-package={name}" for name in names)),
        *("--output-file", LOCK, *session.posargs),
    )
    # On its own, because it asks for old versions of much that the others need too.
    session.run("uv", "pip", "compile", CHECKOV, *LOCKING, "--output-file", CHECKOV_LOCK, *session.posargs)


def at_once(*jobs: Callable[[], None]) -> None:
    """Do jobs that do not need each other, two at a time; the first that fails is the failure."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for job in [pool.submit(job) for job in jobs]:
            job.result()


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


def install_npm(session: nox.Session, folder: str) -> None:
    """Install what a folder's package-lock.json names, with Node.js from PATH or else from a wheel."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        session.log("There is no Node.js on PATH: taking the one that PyPI has")
        session.install(*LOCKED, "--group=node")
    wanted = (ROOT / folder / "package-lock.json").read_bytes()
    stamp = ROOT / folder / "node_modules" / ".installed"
    with (ROOT / ".nox" / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another session may be at it
        if not stamp.exists() or stamp.read_bytes() != wanted:
            session.run("npm", "ci", "--loglevel=error", "--prefix", folder, external=True)
            stamp.write_bytes(wanted)


def terraform_environment(session: nox.Session) -> dict[str, str]:
    """The environment for Terraform: where the providers lie, if this machine has them, or else where to keep them.

    `TERRAFORM_PLUGIN_DIR` names the folder with `registry.terraform.io` in it; without it that is searched for.
    """
    env = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    mirror = os.environ.get(TERRAFORM_PLUGIN_DIR) or next(
        (
            str(found.parent)
            for top in sorted(Path("/").iterdir())
            if top.name not in {"proc", "sys", "dev"}
            for depth in ("", "*/", "*/*/")
            for found in top.glob(f"{depth}registry.terraform.io")
        ),
        None,
    )
    if mirror is not None:
        session.log(f"The providers are taken from {mirror}")
        return {**env, TERRAFORM_PLUGIN_DIR: mirror}
    cache = Path(session.create_tmp()).parent.parent / "terraform-plugins"
    cache.mkdir(exist_ok=True)
    return {**env, "TF_PLUGIN_CACHE_DIR": str(cache)}


def browser(session: nox.Session) -> dict[str, str]:
    """The environment that tells the tests which browser to drive."""
    path = str(session.run("python", "tests/browser.py", silent=True, stderr=None, log=False)).strip()
    session.log(f"The browser is {path}")
    return {"HELIOGRAPH_BROWSER": path}

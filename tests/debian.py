"""Programs that come from the operating system: found on the path, or installed where that is possible.

They are not on PyPI. Where one is missing on a Debian and we are root, it is installed; elsewhere whoever needs it is
told what to install.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["NotInstalled", "can_install", "installed"]

INSTALL_TIMEOUT_S: Final = 600
OTHERS_TIMEOUT_S: Final = 300
"""How long something else on the machine that installs packages is waited for."""
LOCK: Final = Path(tempfile.gettempdir()) / "heliograph-tests-apt.lock"
"""Tests run in several processes, and apt-get gives up at once where another one is at work."""


class NotInstalled(Exception):
    """The program is not there; the text says what to install, or why that did not work."""


def installed(program: str, package: str) -> str:
    """The path of a program, after installing the Debian package that has it if need be. Raises `NotInstalled`."""
    if found := _find(program):
        return found
    if not can_install():
        raise NotInstalled(f"{program} is needed: `apt-get install {package}`, or what your system calls it")
    with _alone():
        if found := _find(program):
            return found
        print(f"There is no {program} here: apt-get install {package}", file=sys.stderr, flush=True)
        _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", package)
    if found := _find(program):
        return found
    raise NotInstalled(f"{package} was installed, and there is no {program} on the path")


def can_install() -> bool:
    """Whether this is a Debian on which we may install packages."""
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None and os.geteuid() == 0


def _find(program: str) -> str | None:
    """As a shell of root finds it: servers lie in folders that are not on everyone's path."""
    return shutil.which(program) or shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin")


def _apt_get(*arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", "--quiet", "-o", f"DPkg::Lock::Timeout={OTHERS_TIMEOUT_S}", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise NotInstalled(f"apt-get {arguments[0]} failed: {done.stderr.decode(errors='replace')[-2000:]}")


@contextmanager
def _alone() -> Iterator[None]:
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

"""Runs all checks: `python tests/sessions.py` is a bare `nox`, in less time.

The sessions that keep the processor busy come one after the other, and beside them those that mostly wait, for
Terraform for instance. What a session has to say is shown as a whole once it has ended.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
NOX: Final = [sys.executable, "-m", "nox"]
BUSY: Final = ["tests", "e2e", "js"]
"""One after the other, in this order: pages have time limits, so they come when the others are through."""


def main() -> int:
    """Run them; 0 if all of them passed."""
    sessions = _sessions()
    busy, others = [name for name in BUSY if name in sessions], [name for name in sessions if name not in BUSY]
    with ThreadPoolExecutor() as pool:
        passed = {name: done for part in pool.map(_run_all, (busy, others)) for name, done in part.items()}
    print("\n" + "\n".join(f"* {name}: {'passed' if passed[name] else 'failed'}" for name in sessions))
    return int(not all(passed.values()))


def _sessions() -> list[str]:
    """Those of a bare `nox`."""
    listed = subprocess.run([*NOX, "--list", "--json"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return [session["session"] for session in json.loads(listed.stdout)]


def _run_all(sessions: Iterable[str]) -> dict[str, bool]:
    """Run them one after the other; which of them passed."""
    passed: dict[str, bool] = {}
    for session in sessions:
        _say(f"{session} begins")
        code, took, said = _run(session)
        passed[session] = code == 0
        _say(f"\n{said}\n{session}: {'passed' if code == 0 else 'failed'} after {took:.0f} s")
    return passed


def _run(session: str) -> tuple[int, float, str]:
    """Its exit code, how many seconds it took, and all that it wrote."""
    began = time.monotonic()
    done = subprocess.run(
        [*NOX, "--session", session],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, time.monotonic() - began, done.stdout


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")  # at once: another session may say something too
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

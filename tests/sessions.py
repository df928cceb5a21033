"""Runs all checks, two at a time: `python tests/sessions.py` is a bare `nox`, in two thirds of the time.

Much of what they do is waiting, for a page, for a node that is to be noticed as dead, for Terraform. What a session has
to say is shown as a whole once it has ended.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
NOX: Final = [sys.executable, "-m", "nox"]
AT_ONCE: Final = 2
LONGEST: Final = ["tests", "e2e", "js", "aws", "terraform"]
"""They come first, so that neither of the two waits for the other in the end."""


def main() -> int:
    """Run them; 0 if all of them passed."""
    sessions = _sessions()
    failed: dict[str, bool] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(_run, session): session for session in sessions}
        for done in as_completed(running):
            session, (code, took, said) = running[done], done.result()
            failed[session] = code != 0
            print(f"\n{said}\n{session}: {'failed' if code else 'passed'} after {took:.0f} s", flush=True)
    print("\n" + "\n".join(f"* {session}: {'failed' if failed[session] else 'passed'}" for session in sessions))
    return int(any(failed.values()))


def _sessions() -> list[str]:
    """Those of a bare `nox`."""
    listed = subprocess.run([*NOX, "--list", "--json"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    names = [session["session"] for session in json.loads(listed.stdout)]
    return sorted(names, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))


def _run(session: str) -> tuple[int, float, str]:
    """Its exit code, how many seconds it took, and all that it wrote."""
    print(f"{session} begins\n", end="", flush=True)  # at once: others may say something too
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


if __name__ == "__main__":
    sys.exit(main())

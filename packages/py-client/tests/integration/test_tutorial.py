"""The tutorial, followed literally in an empty folder: its programs and its lines that begin with `$`."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TUTORIAL = (Path(__file__).parents[4] / "docs" / "tutorial.md").read_text("utf-8")
COMMAND_TIMEOUT_S = 60
DEFAULT_URL = "http://127.0.0.1:8001"
DONE_BEFORE = [
    "python3 -m venv venv && . venv/bin/activate",
    "pip install --quiet heliograph/packages/protocol heliograph/packages/server heliograph/packages/py-client",
    "heliograph-server serve > server.log 2>&1 &",
]
"""What the tests have without it: a venv with the packages, and a server, though on another port."""


def steps() -> Iterator[tuple[str, str]]:
    """Programs as (name, text), and commands as (`$ command`, what it writes)."""
    for kind, text in re.findall(r"^```(python|console)\n(.*?)^```", TUTORIAL, re.DOTALL | re.MULTILINE):
        if kind == "python":
            yield text.partition("\n")[0].removeprefix("# "), text
            continue
        for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
            if part:
                command, _, written = part.partition("\n")
                yield command, written


class Shell:
    """One bash, as in one terminal."""

    def __init__(self, process: Any) -> None:
        self._process = process

    async def run(self, command: str) -> str:
        """What the command writes to standard output. It has to succeed."""
        self._process.stdin.write(f'{command}\necho "[end $?]"\n'.encode())
        written = ""
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            while (end := re.search(r"^\[end (\d+)\]\n\Z", written, re.MULTILINE)) is None:
                written += (await self._process.stdout.readline()).decode()
        assert end[1] == "0", f"{command} ended with {end[1]} after {written}"
        return written[: end.start()]


def matches(written: str, expected: str) -> bool:
    """Whether it is that, where `…` stands for anything, and alone on a line for any lines."""
    pattern = re.escape(expected).replace(re.escape("…\n…\n"), "(?:.*\n)+").replace(re.escape("…"), ".*")
    pattern = re.sub(r"^\.\*\n", "(?:.*\n)*", re.sub(r"\\\n", "\n", pattern), flags=re.MULTILINE)
    return re.fullmatch(pattern, written) is not None


async def test_the_tutorial(server: Any, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}",
        "HELIOGRAPH_URL": server.url,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    here = tmp_path / "here"
    here.mkdir()
    bash = await asyncio.create_subprocess_exec(
        *("bash", "--norc"), cwd=here, env=environment, stdin=PIPE, stdout=PIPE, start_new_session=True
    )
    shell = Shell(bash)
    before = []
    try:
        for what, text in steps():
            if not what.startswith("$ "):
                (here / what).write_text(text, "utf-8")
            elif (command := what.removeprefix("$ ")) in DONE_BEFORE:
                before.append(command)
            else:
                expected = text.replace(DEFAULT_URL, server.url)
                written = await shell.run(command)
                assert matches(written, expected), f"{command} wrote\n{written}instead of\n{expected}"
    finally:
        os.killpg(bash.pid, signal.SIGKILL)
        await bash.communicate()  # to the end of its output, before which the loop does not let go of it
    assert before == DONE_BEFORE

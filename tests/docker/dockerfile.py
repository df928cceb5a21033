"""A Dockerfile's instructions, and a build of them without an engine: as far as a folder can stand in for an image."""

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

__all__ = ["Build", "Instruction", "Stage", "parse"]

RUN_TIMEOUT_S = 240


@dataclass(frozen=True)
class Instruction:
    """One instruction, its lines joined."""

    name: str
    value: str

    @property
    def words(self) -> list[str]:
        """The arguments: a JSON list where it is one, else words."""
        if self.value.startswith("["):
            return [str(word) for word in json.loads(self.value)]
        return shlex.split(self.value)


@dataclass(frozen=True)
class Stage:
    """What follows a FROM."""

    image: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        """The instructions of that name."""
        return [instruction for instruction in self.instructions if instruction.name == name]

    def one(self, name: str) -> Instruction:
        """The only instruction of that name."""
        [instruction] = self.all(name)
        return instruction

    def environment(self) -> dict[str, str]:
        """What ENV sets."""
        return dict(word.split("=", 1) for instruction in self.all("ENV") for word in instruction.words)


def parse(path: Path) -> list[Stage]:
    """The stages of a Dockerfile."""
    text = re.sub(r"(?m)^\s*#.*\n", "", path.read_text("utf-8")).replace("\\\n", " ")
    stages: list[Stage] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, value = line.split(None, 1)
        if name == "FROM":
            image, _, alias = value.partition(" AS ")
            stages.append(Stage(image, alias))
        elif stages:
            stages[-1].instructions.append(Instruction(name, re.sub(r"\s+", " ", value)))
    return stages


class Build:
    """One stage, built in a folder: paths of the image are paths below it. `python` stands for the base image."""

    def __init__(self, root: Path, context: Path, ignore: Path, python: Path) -> None:
        self.root = root
        self._context = context
        self._patterns = [line for line in ignore.read_text("utf-8").splitlines() if line and not line.startswith("#")]
        self._python = python
        self._workdir = root

    def path(self, absolute: str) -> Path:
        """Where a path of the image is."""
        return self.root / absolute.lstrip("/")

    def run(self, stage: Stage) -> None:
        """Carry out WORKDIR, COPY from the context, and RUN."""
        environment = {
            "PATH": f"{self._python.parent}:{os.environ['PATH']}",
            **{name: value for name, value in os.environ.items() if name.startswith(("HOME", "PIP_", "UV_", "SSL_"))},
            **stage.environment(),
        }
        for instruction in stage.instructions:
            match instruction.name:
                case "WORKDIR":
                    self._workdir = self.path(instruction.value)
                    self._workdir.mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(instruction)
                case "RUN":
                    self._run(instruction.value, environment)
                case _:
                    continue

    def _copy(self, instruction: Instruction) -> None:
        *sources, target = instruction.words
        for source in sources:
            found = self._context / source
            to = self._workdir / target
            if found.is_file():
                to = to / found.name if target.endswith("/") else to
                assert self._sent(Path(source)), f"{source} is not part of the build context"
                shutil.copy(found, to)
                continue
            for file in filter(Path.is_file, found.rglob("*")):
                if self._sent(file.relative_to(self._context)):
                    copy = to / file.relative_to(found)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, copy)

    def _sent(self, path: Path) -> bool:
        """Whether the ignore file lets a file of the context through; the last pattern that matches decides."""
        sent = True
        for line in self._patterns:
            pattern = line.removeprefix("!")
            parts = [path, *path.parents]
            if any(fnmatch(str(part), pattern) or fnmatch(f"/{part}", pattern.replace("**/", "*/")) for part in parts):
                sent = line.startswith("!")
        return sent

    def _run(self, command: str, environment: dict[str, str]) -> None:
        command = re.sub(r"(?<![\w.])/(src|opt)/", rf"{self.root}/\1/", command)
        done = subprocess.run(
            ["/bin/sh", "-ec", command],
            cwd=self._workdir,
            env=environment,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

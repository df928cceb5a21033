"""What the instance runs, rendered by Terraform, on a machine whose programs are stand-ins that note their calls."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

__all__ = ["TEMPLATES", "Machine", "rendered"]

TEMPLATES: Final = Path(__file__).parents[2] / "infra/terraform/modules/signaling-host/templates"
TIMEOUT_S: Final = 30


def rendered(place: Path, values: dict[str, Any]) -> dict[str, str]:
    """Every template with these values, by the name of the file that it makes."""
    place.mkdir()
    paths = {path.name.removesuffix(".tftpl"): path for path in TEMPLATES.glob("*.tftpl")}
    outputs = {
        "output": {
            name.replace(".", "_"): {"value": f'${{templatefile("{path}", jsondecode(file("values.json")))}}'}
            for name, path in paths.items()
        }
    }
    (place / "values.json").write_text(json.dumps(values), "utf-8")
    (place / "main.tf.json").write_text(json.dumps(outputs), "utf-8")
    for arguments in (["init"], ["apply", "-auto-approve"]):
        subprocess.run(
            ["terraform", *arguments, "-no-color", "-input=false"],
            cwd=place,
            check=True,
            capture_output=True,
            timeout=TIMEOUT_S,
        )
    answer = subprocess.run(
        ["terraform", "output", "-json"], cwd=place, check=True, capture_output=True, timeout=TIMEOUT_S
    )
    values_by_name = json.loads(answer.stdout)
    return {name: values_by_name[name.replace(".", "_")]["value"] for name in paths}


class Machine:
    """A folder of programs. Each notes how it was called, and then does what it was given to do."""

    def __init__(self, place: Path) -> None:
        self._programs = place / "bin"
        self._programs.mkdir(parents=True)
        self._journal = place / "journal"
        self._journal.touch()
        self.place = place

    def has(self, name: str, does: str = "") -> None:
        """Put a program there: lines of shell."""
        program = self._programs / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >>"{self._journal}"\n{does}\n', "utf-8")
        program.chmod(0o755)

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the instance to its end."""
        path = self.place / "script"
        path.write_text(script, "utf-8")
        return subprocess.run(
            ["bash", path, *arguments],
            env={"PATH": f"{self._programs}:{os.environ['PATH']}", "RUNTIME_DIRECTORY": str(self.place)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    @property
    def journal(self) -> list[str]:
        """The calls, in their order."""
        return self._journal.read_text("utf-8").splitlines()

    def calls(self, start: str) -> list[str]:
        """The calls that start so."""
        return [call for call in self.journal if call.startswith(start)]

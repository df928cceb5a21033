"""Terraform on a copy of `infra/terraform`, so that state and plug-ins stay out of the repository."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

__all__ = ["PLUGIN_DIR", "Terraform"]

ROOT: Final = Path(__file__).parents[2]
PLUGIN_DIR: Final = "TERRAFORM_PLUGIN_DIR"
"""The variable that names a folder with the providers, for machines that cannot fetch them."""

COMMAND_TIMEOUT_S: Final = 240


class Terraform:
    """One environment of `infra/terraform/environments`, with these variables."""

    def __init__(self, environment: str, place: Path, variables: dict[str, Any], environ: dict[str, str]) -> None:
        shutil.copytree(ROOT / "infra/terraform", place, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        self._folder = place / "environments" / environment
        (self._folder / "test.auto.tfvars.json").write_text(json.dumps(variables), "utf-8")
        self._environ = {**os.environ, **environ, "TF_INPUT": "0"}

    def init(self) -> None:
        """Get providers and modules."""
        mirror = os.environ.get(PLUGIN_DIR)
        self._run("init", "-no-color", *([f"-plugin-dir={mirror}"] if mirror else []))

    def apply(self) -> None:
        """Make it so."""
        self._run("apply", "-no-color", "-auto-approve")

    def destroy(self) -> None:
        """Unmake it."""
        self._run("destroy", "-no-color", "-auto-approve")

    def forget(self, address: str) -> None:
        """Leave a resource to others."""
        self._run("state", "rm", address)

    def outputs(self) -> dict[str, Any]:
        """The outputs, by name."""
        return {name: output["value"] for name, output in json.loads(self._run("output", "-json")).items()}

    def resources(self) -> list[str]:
        """What there is."""
        return self._run("state", "list").split()

    def left_to_do(self) -> set[str]:
        """The resources that another apply would change, without what counts them."""
        self._run("plan", "-no-color", "-out=plan")
        plan = json.loads(self._run("show", "-json", "plan"))
        changes = [change for change in plan.get("resource_changes", []) if change["change"]["actions"] != ["no-op"]]
        return {re.sub(r"\[[^]]*\]", "", change["address"]) for change in changes}

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(["terraform", *arguments], **self._how(), check=False)
        assert done.returncode == 0, f"terraform {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return str(done.stdout)

    def _how(self) -> dict[str, Any]:
        return {
            "cwd": self._folder,
            "env": self._environ,
            "capture_output": True,
            "text": True,
            "timeout": COMMAND_TIMEOUT_S,
        }

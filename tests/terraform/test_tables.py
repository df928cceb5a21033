"""The READMEs of modules and environments name every input and output."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

TERRAFORM: Final = Path(__file__).parents[2] / "infra/terraform"


def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", TERRAFORM / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLES: Final = program()


@pytest.mark.parametrize("readme", TABLES.readmes(), ids=lambda path: path.parent.name)
def test_the_tables_are_what_would_be_generated_today(readme: Path) -> None:
    assert readme.read_text("utf-8") == TABLES.with_tables(readme), "run nox -s generate"
    assert "| output |" in readme.read_text("utf-8")


def test_there_is_a_readme_for_each() -> None:
    folders = {path.parent for path in TERRAFORM.glob("*/*/variables.tf")}
    assert {readme.parent for readme in TABLES.readmes()} == folders

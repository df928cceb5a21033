"""The references in docs/reference, and what docstrings have to say so that they are of use."""

import builtins
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import heliograph
from heliograph import testing
from heliograph.cli.failures import EXIT_CODES
from heliograph.cli.settings import CONFIG_VARIABLE, SETTINGS

DOCS = Path(__file__).parents[4] / "docs"
sys.path.append(str(DOCS / "reference"))
generate = importlib.import_module("generate")
reference = importlib.import_module("python_reference")


@pytest.mark.parametrize("name", ["python.md", "command.md", "browser.md"])
def test_the_references_are_up_to_date(name: str) -> None:
    written = (DOCS / "reference" / name).read_text("utf-8")
    assert written == generate.DOCUMENTS[name](), "`nox -s generate` writes it anew"


def test_links_within_the_reference_lead_to_one_heading() -> None:
    """GitHub makes an anchor of a heading's letters; of the same anchors the first one counts."""
    text = (DOCS / "reference" / "python.md").read_text("utf-8")
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= set(anchors)


def documented() -> Iterator[tuple[str, Any, str]]:
    """Public names with their docstrings, and those of their members."""
    names = [(heliograph, name) for name in heliograph.__all__] + [(testing, name) for name in testing.__all__]
    for module, name in names:
        value = getattr(module, name)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            yield name, value, reference._attribute_doc(name)
            continue
        yield name, value, inspect.getdoc(value) or ""
        if inspect.isclass(value):
            for member, what in reference._members(name, value):
                yield f"{name}.{member}", what, inspect.getdoc(what) or ""


def test_everything_public_has_a_docstring() -> None:
    assert [name for name, _, text in documented() if not text] == []


def test_errors_that_docstrings_name_exist() -> None:
    named = {
        (name, error)
        for name, _, text in documented()
        for sentence in re.findall(r"[Rr]aises (.*?)(?:\.\s|\.$|\Z)", text, re.DOTALL)
        for error in re.findall(r"`(\w+)`", sentence)
        if error[0].isupper() and not error.isupper()
    }
    assert len(named) > 20
    assert {(name, error) for name, error in named if not hasattr(heliograph, error)} == {
        (name, error) for name, error in named if hasattr(builtins, error)
    }


@pytest.mark.parametrize(
    "name", ["connect", "create_room", "send_file", "send_directory", "receive_file", "receive_files", "Worker", "Api"]
)
def test_docstrings_speak_of_every_parameter(name: str) -> None:
    value = getattr(heliograph, name)
    function = value.__init__ if inspect.isclass(value) else value
    text = inspect.getdoc(value) or ""
    parameters = [parameter for parameter in inspect.signature(function).parameters if parameter != "self"]
    assert [parameter for parameter in parameters if not re.search(rf"`{parameter}[`=]", text)] == []


FIELDS_THAT_SPEAK = {"FileOffer", "SentFile", "ReceivedFile", "ConnectReport", "Room", "RoomDetails"}


@pytest.mark.parametrize("name", sorted(FIELDS_THAT_SPEAK))
def test_docstrings_speak_of_every_field(name: str) -> None:
    kind = getattr(heliograph, name)
    fields = [field.partition(":")[0] for field in reference._fields(kind)]
    assert [field for field in fields if f"`{field}`" not in (inspect.getdoc(kind) or "")] == []


def test_the_guide_to_the_command_has_all_exit_codes_and_settings() -> None:
    text = (DOCS / "cli.md").read_text("utf-8")
    codes = re.findall(r"^\| (\d+) \| (.*) \|$", text, re.MULTILINE)
    assert {int(code): words for code, words in codes} == EXIT_CODES
    rows = re.findall(r"^\| `(HELIOGRAPH_\w+)` \| (?:`(\w+)`)? ?\| (.*) \|$", text, re.MULTILINE)
    expected = [(each.variable, each.name, each.summary) for each in SETTINGS]
    assert rows == [*expected, (CONFIG_VARIABLE, "", "where the file is")]

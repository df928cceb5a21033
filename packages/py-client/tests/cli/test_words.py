"""What the command makes of times, conditions and strangers' text."""

import json

import click
import pytest

from heliograph.cli.filters import _properties
from heliograph.cli.output import Output, cell, harmless
from heliograph.cli.times import ago, duration, until


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (7199, "1 h 59 min"), (7200, "2 h"), (90_000, "1 d 1 h"), (-5, "0 s")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_times_before_and_after_now() -> None:
    assert until(160, lambda: 100) == "in 1 min"
    assert until(40, lambda: 100) == "1 min ago"
    assert ago(40, lambda: 100) == "1 min ago"


def test_text_of_strangers_steers_no_terminal() -> None:
    assert harmless("\x1b[2Jhi\u202e\x9b") == "\\x1b[2Jhi\\x202e\\x9b"
    assert harmless("zwölf\tGänse\n") == "zwölf\tGänse\n"
    assert cell("a\tb\nc") == "a\\tb\\nc"
    assert harmless("b\udcfcrde.txt") == "b\\xdcfcrde.txt"


def test_names_that_are_no_text_are_told_in_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).event("file_sent", "", name="b\udcfcrde.txt", folder=["\udcff"], size=1)
    assert json.loads(capsys.readouterr().out) == {
        "event": "file_sent",
        "name": "b\ufffdrde.txt",
        "folder": ["\ufffd"],
        "size": 1,
    }


def test_conditions_on_properties() -> None:
    assert _properties(("gpu_memory_mb>=8192", "gpu_memory_mb < 9e4", "status=idle", "a!=true", "b==x=y")) == {
        "gpu_memory_mb": {"$gte": 8192, "$lt": 9e4},
        "status": {"$eq": "idle"},
        "a": {"$ne": True},
        "b": {"$eq": "x=y"},
    }
    assert _properties(()) is None
    with pytest.raises(click.BadParameter, match="is no condition"):
        _properties(("gpu",))

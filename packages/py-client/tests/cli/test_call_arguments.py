"""What a command line means as the arguments of a call."""

import io
from pathlib import Path

import click
import pytest

from heliograph.cli.call_arguments import call_arguments, document_arguments
from heliograph.cli.sizes import SIZE


def test_texts_json_and_positional_arguments() -> None:
    args, kwargs = call_arguments(["1", "hello", "a=1", "b:=1", "c:=[true, null]", "d=x=y", "e=", '"f=1"', "2=3"])
    assert args == [1, "hello", "f=1", "2=3"]
    assert kwargs == {"a": "1", "b": 1, "c": [True, None], "d": "x=y", "e": ""}


def test_contents_of_files(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text('{"steps": 10}\n')
    path = tmp_path / "spec.json"
    assert call_arguments([f"text=@{path}", f"spec:=@{path}"]) == (
        [],
        {"text": '{"steps": 10}\n', "spec": {"steps": 10}},
    )


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (["a:=hello"], "'a:=hello' has no JSON after :="),
        (["a=1", "a=2"], "'a' is given twice"),
        (["a=@/no/such/file"], "/no/such/file cannot be read"),
        (["\udcff"], r"'\\udcff' is not UTF-8"),
        (["a=\udcff"], r"'\\udcff' is not UTF-8"),
        (["a:=\udcff"], "has no JSON after :="),
        (["[" * 10_000], "nests too deeply"),
        (["a:=" + "[" * 10_000], "has no JSON after :="),
    ],
)
def test_what_cannot_be_meant(items: list[str], words: str) -> None:
    with pytest.raises(click.BadParameter, match=words):
        call_arguments(items)


def test_a_document() -> None:
    assert document_arguments(io.BytesIO(b'{"a": 1}')) == ([], {"a": 1})
    assert document_arguments(io.BytesIO(b"[1, 2]")) == ([1, 2], {})
    for content in (b"1", b"{", b"\xff", b"", b"[" * 10_000):
        with pytest.raises(click.BadParameter, match="no JSON object or list"):
            document_arguments(io.BytesIO(content))


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("500M", 500_000_000), ("2GiB", 2 << 30), ("1.5k", 1500), ("3 kB", 3000), ("7b", 7)]
)
def test_sizes(text: str, size: int) -> None:
    assert SIZE.convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1i", "5 apples"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size"):
        SIZE.convert(text, None, None)


def test_a_size_beyond_all_files() -> None:
    with pytest.raises(click.BadParameter, match="more than any file has"):
        SIZE.convert("9" * 400, None, None)

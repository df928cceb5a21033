"""The names that a stranger sends."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import heliograph
from heliograph.files.names import bare_file_name, bare_folder


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("a.bin", "a.bin"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("..", "unnamed"),
        (".", "unnamed"),
        ("", "unnamed"),
        ("dir/", "unnamed"),
        (".bashrc", "bashrc"),
        (". .bashrc", "bashrc"),
        ("a\x00b\n.txt", "ab.txt"),
        ("C:evil:stream.txt", "Cevilstream.txt"),
        ("\N{SNOWMAN}.txt", "\N{SNOWMAN}.txt"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("e\N{COMBINING ACUTE ACCENT}.txt", "\N{LATIN SMALL LETTER E WITH ACUTE}.txt"),
        ("trailing. . ", "trailing"),
        ("CON", "_CON"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("COM1 .txt", "_COM1 .txt"),
        ("console.txt", "console.txt"),
        (".heliograph-0123-0.part", "heliograph-0123-0.part"),
    ],
)
def test_a_name_is_bare(name: str, bare: str) -> None:
    assert bare_file_name(name) == bare


def test_a_long_name_keeps_its_suffix() -> None:
    bare = bare_file_name("\N{SNOWMAN}" * 255 + ".tar")
    assert bare.endswith(".tar")
    assert len(bare.encode()) <= 200


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=255))
def test_any_name_becomes_one_that_every_system_takes(name: str) -> None:
    bare = bare_file_name(name)
    assert 0 < len(bare.encode()) <= 201
    assert bare == unicodedata.normalize("NFC", bare)
    assert not set(bare) & set('/\\\0<>:"|?*')
    assert not bare.startswith(".")
    assert not bare.endswith((".", " "))
    assert bare == bare_file_name(bare)
    assert os.path.basename(bare) == bare  # noqa: PTH119 - this is what is tested


@pytest.mark.parametrize("name", ["..", ".", " ", "...", ". .", "a/b", "a\\b", "/", "a\0b"])
def test_a_folder_that_would_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(heliograph.TransferError) as caught:
        bare_folder(["photos", name])
    assert caught.value.code == "BAD_NAME"


def test_folders_are_bare_too() -> None:
    assert bare_folder(["photos", ".git", "aux"]) == ("photos", "git", "_aux")

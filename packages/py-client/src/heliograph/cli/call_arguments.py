"""The arguments of a remote call, as people write them on a command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from heliograph.cli.filters import json_or_text
from heliograph.unreadable import UNREADABLE

__all__ = ["call_arguments", "document_arguments"]

_NAMED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<kind>:?=)(?P<value>.*)", re.DOTALL)
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


def call_arguments(items: Sequence[str]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments: `name=text`, `name:=JSON`, both also `@file`, and values alone."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for item in items:
        named = _NAMED.fullmatch(item)
        if named is None:
            args.append(json_or_text(item))
            continue
        name, value = named["name"], named["value"]
        if name in kwargs:
            raise click.BadParameter(f"{name!r} is given twice", param_hint="ARGUMENT")
        text = _file(value[1:]) if value.startswith("@") else value
        kwargs[name] = _text(text) if named["kind"] == "=" else _json(text, item)
    return args, kwargs


def document_arguments(document: BinaryIO) -> tuple[list[Any], dict[str, Any]]:
    """The same from a JSON document: an object has named arguments, a list positional ones."""
    content = document.read(MAX_DOCUMENT_BYTES + 1)
    if len(content) > MAX_DOCUMENT_BYTES:
        raise click.BadParameter(f"over {MAX_DOCUMENT_BYTES:,} bytes, which no call takes", param_hint="--input")
    try:
        found = msgspec.json.decode(content, type=list[Any] | dict[str, Any])
    except UNREADABLE as error:
        raise click.BadParameter(f"no JSON object or list: {error}", param_hint="--input") from error
    return (found, {}) if isinstance(found, list) else ([], found)


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter(f"{text!a} is not UTF-8", param_hint="ARGUMENT") from error
    return text


def _file(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{path} cannot be read: {error}", param_hint="ARGUMENT") from error


def _json(text: str, item: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except UNREADABLE as error:
        words = f"{item!r} has no JSON after :=, a text goes after = alone ({error})"
        raise click.BadParameter(words, param_hint="ARGUMENT") from error

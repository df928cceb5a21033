"""Options that say which peers: by role, tag and property."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
import msgspec

from heliograph.cli.where import Command

__all__ = ["PeerFilter", "filter_options", "json_or_text"]

_CONDITION = re.compile(r"(?P<name>[^<>=!]+?)\s*(?P<operator>>=|<=|!=|==|=|>|<)\s*(?P<value>.*)", re.DOTALL)
_OPERATORS = {"=": "$eq", "==": "$eq", "!=": "$ne", ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}


@dataclass(frozen=True, slots=True)
class PeerFilter:
    """What peers have to be; empty means all of them."""

    role: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    properties: Mapping[str, Mapping[str, Any]] | None = None

    def __bool__(self) -> bool:
        return bool(self.role or self.tags or self.properties)

    @property
    def arguments(self) -> dict[str, Any]:
        """For `discover` and `claim`."""
        given = {"role": list(self.role), "all_tags": list(self.tags), "properties": self.properties}
        return {name: value for name, value in given.items() if value}


def filter_options(command: Command) -> Command:
    """Add --role, --tag and --where; the command gets them as `filters`."""

    @functools.wraps(command)
    def gathered(*, role: tuple[str, ...], tag: tuple[str, ...], conditions: tuple[str, ...], **others: Any) -> None:
        command(filters=PeerFilter(role, tag, _properties(conditions)), **others)

    for option in (
        click.option(
            "--where",
            "conditions",
            metavar="CONDITION",
            multiple=True,
            help="Only peers with such a property: 'gpu_memory_mb>=8192', 'status=idle'. Repeatable: all must hold.",
        ),
        click.option("--tag", multiple=True, help="Only peers with this tag. Repeatable: all of them."),
        click.option("--role", multiple=True, help="Only peers with this role. Repeatable: any of them."),
    ):
        gathered = option(gathered)
    return gathered


def json_or_text(text: str) -> Any:
    """What the text means as JSON, or else the text. Raises `click.BadParameter` for one that cannot be sent."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    except UnicodeEncodeError as error:
        raise click.BadParameter(f"{text!a} is not UTF-8") from error
    except RecursionError as error:
        raise click.BadParameter(f"{text[:20]}… nests too deeply") from error


def _properties(conditions: tuple[str, ...]) -> dict[str, dict[str, Any]] | None:
    properties: dict[str, dict[str, Any]] = {}
    for condition in conditions:
        match = _CONDITION.fullmatch(condition.strip())
        if match is None:
            raise click.BadParameter(
                f"{condition!r} is no condition such as 'gpu_memory_mb>=8192'", param_hint="--where"
            )
        properties.setdefault(match["name"], {})[_OPERATORS[match["operator"]]] = json_or_text(match["value"])
    return properties or None

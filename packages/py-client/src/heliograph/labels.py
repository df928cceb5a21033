"""Tags, roles, groups and grants, as callers give them: one, or several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["Strings", "strings"]

Strings: TypeAlias = str | Iterable[str]
"""One string, or any number of them."""


def strings(value: Strings) -> list[str]:
    """A list, in which a single string is one item and not its letters."""
    return [value] if isinstance(value, str) else list(value)

"""Filters over peers, from the arguments of `discover` and `claim`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from heliograph.labels import Strings, strings
from heliograph_protocol import Filters

__all__ = ["peer_filters"]

_MISTAKEN = {
    "tag": "tags",
    "group": "groups",
    "roles": "role",
    "states": "state",
    "property": "properties",
    "ttl": "ttl_s",
    "wait": "wait_s",
    "timeout": "wait_s",
    "timeout_s": "wait_s",
    "peer": "roster",
    "peer_id": "roster",
}
"""Keywords that are hardly meant as a property, which they would be: nobody would ever pass that filter."""


def peer_filters(
    *,
    role: Strings | None,
    tags: Strings | None,
    all_tags: Strings | None,
    groups: Strings | None,
    state: Strings | None,
    properties: Mapping[str, Any] | None,
    more_properties: Mapping[str, Any],
) -> Filters:
    """The filters. Raises `TypeError` for a keyword that looks like a mistake for another one."""
    for name in more_properties:
        if name in _MISTAKEN:
            raise TypeError(f"{name}: did you mean {_MISTAKEN[name]}? A property of that name goes into `properties`")
    return Filters(
        role=_given(role),
        tags=_given(tags),
        all_tags=_given(all_tags),
        groups=_given(groups),
        state=_given(state),
        properties={**(properties or {}), **more_properties} or UNSET,
    )


def _given(value: Strings | None) -> list[str] | UnsetType:
    return UNSET if value is None else strings(value)

"""A peer as others see it: its metadata, and the filters that pick some of many."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

__all__ = ["METADATA_BYTES", "Filters", "Group", "Groups", "Metadata", "Peer", "PeerState", "Tag"]

METADATA_BYTES = 16 * 1024
"""The most that a peer's metadata takes as JSON."""

Group = Annotated[str, Meta(min_length=1, max_length=64, description="Peers see and reach those who share a group")]
Groups = Annotated[list[Group], Meta(max_length=32)]
Tag = Annotated[str, Meta(min_length=1, max_length=128)]
PeerState = Literal["online", "away"]


class Metadata(Struct, frozen=True, kw_only=True):
    """What a peer says of itself; at most 16 KiB as JSON."""

    tags: list[Tag] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)


class Peer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A peer as others in its room see it."""

    peer_id: str
    role: str
    metadata: Annotated[Metadata, Meta(description="Tags and properties")]
    groups: list[str]
    connected_at: Annotated[int, Meta(description="Unix seconds")]
    state: PeerState
    claimed_by: Annotated[list[str], Meta(description="Who holds claims on it; absent if nobody does")] = field(
        default_factory=list
    )


class Filters(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which peers. All conditions that are given must hold; an empty list matches nothing."""

    role: str | list[str] | UnsetType = UNSET
    tags: Annotated[list[str], Meta(description="Any of these")] | UnsetType = UNSET
    all_tags: Annotated[list[str], Meta(description="All of these")] | UnsetType = UNSET
    groups: Annotated[list[str], Meta(description="Any of these")] | UnsetType = UNSET
    state: str | list[str] | UnsetType = UNSET
    properties: (
        Annotated[
            dict[str, Any],
            Meta(description="A value, or an object of operators: $eq $ne $gt $gte $lt $lte $in $nin $exists"),
        ]
        | UnsetType
    ) = UNSET

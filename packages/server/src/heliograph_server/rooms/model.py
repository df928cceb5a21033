"""A room, its policy, and what may change of it."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from heliograph_server.identity.verifier import User

__all__ = ["MAX_POLICY_ROLES", "MAX_ROLE_CHARS", "Policy", "Role", "Room", "RoomChanges"]

MAX_ROLE_CHARS = 64
MAX_POLICY_ROLES = 64
"""Roles that a policy may speak of, and that one of them may signal."""

Role = Annotated[str, Meta(min_length=1, max_length=MAX_ROLE_CHARS, examples=["worker"])]


class Policy(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A room's rules. A misspelt one is refused: it would otherwise be a rule that does not hold."""

    signal: (
        Annotated[
            dict[Role, Annotated[list[Role], Meta(max_length=MAX_POLICY_ROLES)]],
            Meta(
                max_length=MAX_POLICY_ROLES,
                description="Role → the roles that it may signal; a role that is not listed may signal no one. "
                "Absent or null: every role may signal every role",
            ),
        ]
        | None
    ) = None


class Room(Struct, frozen=True, kw_only=True):
    """A place to meet. Times are Unix seconds; whoever has the `token` gets in until `expires_at`."""

    room_id: str
    token: str
    owner: User
    created_at: int
    expires_at: int
    max_peers: int
    name: str | None = None
    policy: Policy | None = None


class RoomChanges(Struct, frozen=True, kw_only=True):
    """What a room store changes of a room; what is unset stays as it is."""

    token: str | UnsetType = UNSET
    expires_at: int | UnsetType = UNSET
    max_peers: int | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    policy: Policy | UnsetType | None = UNSET

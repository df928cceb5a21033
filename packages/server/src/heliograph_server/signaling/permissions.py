"""What a member may do: the grants that it came with, and the room's policy on who signals whom."""

from typing import Final

from heliograph_server.rooms.model import Policy

__all__ = ["ALL_GRANTS", "ROOM_TOKEN_GRANTS", "may_signal"]

ROOM_TOKEN_GRANTS: Final = frozenset({"discover", "signal", "message", "broadcast", "claim"})
"""What the room's own token gives."""

ALL_GRANTS: Final = ROOM_TOKEN_GRANTS | {"manage"}
"""What the room's creator has."""

_OPENING: Final = "offer"
"""The one signal that starts something; all others may also answer it."""


def may_signal(policy: Policy | None, kind: str, sender_role: str, target_role: str) -> bool:
    """Whether the policy lets one role send `offer`, `answer`, `candidate` or `quit` to another.

    Without a policy everyone may. A role that the policy does not list may signal no one, but whoever may be offered
    something may answer it.
    """
    if policy is None or policy.signal is None or kind == "error":
        return True
    if target_role in policy.signal.get(sender_role, ()):
        return True
    return kind != _OPENING and sender_role in policy.signal.get(target_role, ())

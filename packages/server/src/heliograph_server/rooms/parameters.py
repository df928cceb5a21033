"""The parameters that the room resources share, and how each is described."""

from typing import Annotated, Final

from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from heliograph_server.identity.verifier import User
from heliograph_server.problems import problem_responses
from heliograph_server.rooms.access import RoomAccess
from heliograph_server.rooms.service import RoomService
from heliograph_server.signaling.hub import Hub

__all__ = ["MANAGER_PROBLEMS", "MEMBER_PROBLEMS", "CursorParameter", "RoomIdParameter", "room_access"]

RoomIdParameter = Annotated[str, PathParameter(description="The room's id")]
CursorParameter = Annotated[str | None, QueryParameter(description="The `next` of the page before; absent: the first")]

MEMBER_PROBLEMS: Final = problem_responses(
    {
        400: "A parameter, or the body, is not as described here",
        401: "No valid id token",
        404: "There is no such room, or the caller neither created it nor has a peer in it",
        503: "The room store did not answer",
    }
)
"""Of calls that the room's peers may make."""

MANAGER_PROBLEMS: Final = {
    **MEMBER_PROBLEMS,
    **problem_responses({403: "The caller neither created the room nor has a peer in it with the `manage` grant"}),
}
"""Of the creator's calls."""


def room_access(
    user: NamedDependency[User], rooms: NamedDependency[RoomService], hub: NamedDependency[Hub]
) -> RoomAccess:
    """The caller's rights in rooms."""
    return RoomAccess(rooms, hub, user)

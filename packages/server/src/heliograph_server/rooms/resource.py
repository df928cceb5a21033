"""What the room resources share: who calls, what they may, and how it is described."""

from typing import Annotated, Final

from litestar import Controller
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, QueryParameter, SkipValidation

from heliograph_server.identity.bearer import bearer_user
from heliograph_server.identity.verifier import User
from heliograph_server.problems import MAX_BODY_BYTES, problem_responses
from heliograph_server.requests import JsonRequest
from heliograph_server.rooms.access import RoomAccess
from heliograph_server.rooms.census import Census
from heliograph_server.rooms.service import RoomService

__all__ = ["MANAGER_PROBLEMS", "MEMBER_PROBLEMS", "CursorParameter", "RoomIdParameter", "RoomResource"]

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
    user: NamedDependency[User],
    rooms: NamedDependency[RoomService],
    census: NamedDependency[SkipValidation[Census]],
) -> RoomAccess:
    """The caller's rights in rooms."""
    return RoomAccess(rooms, census, user)


class RoomResource(Controller):
    """What all of them have: a caller with an id token, `access` to what it may see, answers that no cache keeps."""

    security = ({"bearer": []},)
    request_class = JsonRequest
    request_max_body_size = MAX_BODY_BYTES
    cache_control = CacheControlHeader(no_store=True)
    dependencies = {  # noqa: RUF012 - Litestar's way
        "user": Provide(bearer_user),
        "access": Provide(room_access, sync_to_thread=False),
    }

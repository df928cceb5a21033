"""Rooms as resources: `/api/rooms`."""

from typing import Annotated, Any, Final

from litestar import Request, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, JSONBody, QueryParameter, SkipValidation

from heliograph_server.identity.verifier import User
from heliograph_server.ops.signin_limit import SignInLimiter
from heliograph_server.problems import problem_responses
from heliograph_server.rooms.access import RoomAccess
from heliograph_server.rooms.bodies import NewRoom, RoomPage, RoomUpdate, RoomView
from heliograph_server.rooms.census import Census
from heliograph_server.rooms.cursor import cursor_of, read_cursor
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.resource import (
    MANAGER_PROBLEMS,
    MEMBER_PROBLEMS,
    CursorParameter,
    RoomIdParameter,
    RoomResource,
)
from heliograph_server.rooms.service import RoomService, Update
from heliograph_server.rooms.store import Position

__all__ = ["RoomApi"]

ROOMS_PAGE: Final = 50
MAX_ROOMS_PAGE: Final = 200

NEW_ROOM_EXAMPLE: Final = Example(
    summary="A day's room in which clients call workers",
    value={"name": "training run 7", "ttl_s": 86_400, "policy": {"signal": {"client": ["worker"]}}},
)

BODY_PROBLEMS: Final = problem_responses(
    {400: "A field is unknown, of the wrong type or out of bounds", 413: "The body is too big"}
)


class RoomApi(RoomResource):
    """Creating rooms, and reading, changing and closing one's own."""

    path = "/api/rooms"
    tags = ("rooms",)

    @post(
        "/",
        operation_id="createRoomResource",
        summary="Create a room",
        response_description="The room, with the token that opens it",
        responses=problem_responses(
            {
                401: "No valid id token",
                429: "Too many sign-ins and rooms from this address",
                503: "The room store did not answer",
            }
        )
        | BODY_PROBLEMS,
    )
    async def create(
        self,
        *,
        request: Request[Any, Any, Any],
        user: NamedDependency[User],
        rooms: NamedDependency[RoomService],
        limiter: NamedDependency[SignInLimiter],
        data: Annotated[NewRoom | None, BodyKwarg(examples=[NEW_ROOM_EXAMPLE])] = None,
    ) -> RoomView:
        """Make a room that the caller owns. Everything may be left out, the body itself too."""
        await limiter.check(request)
        wanted = data or NewRoom()
        room = await rooms.create(
            user, name=wanted.name, ttl_s=wanted.ttl_s, max_peers=wanted.max_peers, policy=wanted.policy
        )
        return RoomView.of(room, peer_count=0, with_token=True)

    @get(
        "/",
        operation_id="listRooms",
        summary="List the caller's rooms",
        response_description="A page of the rooms that the caller created, newest first",
        responses=problem_responses(
            {
                400: "The cursor is none of this list's, or the limit is out of bounds",
                401: "No valid id token",
                503: "The room store did not answer",
            }
        ),
    )
    async def list_own(
        self,
        user: NamedDependency[User],
        rooms: NamedDependency[RoomService],
        census: NamedDependency[SkipValidation[Census]],
        cursor: CursorParameter = None,
        limit: Annotated[int, QueryParameter(ge=1, le=MAX_ROOMS_PAGE, description="Rooms a page")] = ROOMS_PAGE,
    ) -> RoomPage:
        """Expired rooms are listed for as long as they are kept: for an hour after their end, or longer."""
        before = None if cursor is None else read_cursor(cursor, Position)
        page, rest = await rooms.list_owned(user, before, limit)
        counts = await census.counts([room.room_id for room in page])
        return RoomPage(
            items=[RoomView.of(room, peer_count=counts[room.room_id], with_token=True) for room in page],
            next=None if rest is None else cursor_of(rest),
        )

    @get(
        "/{room_id:str}",
        operation_id="getRoom",
        summary="Read a room",
        response_description="The room; its creator is told the token too",
        responses=MEMBER_PROBLEMS,
    )
    async def read(
        self,
        room_id: RoomIdParameter,
        access: NamedDependency[RoomAccess],
        census: NamedDependency[SkipValidation[Census]],
    ) -> RoomView:
        """For the room's creator and for its peers."""
        room = await access.seen(room_id)
        return await _view(room, census, with_token=access.owns(room))

    @patch(
        "/{room_id:str}",
        operation_id="updateRoom",
        summary="Extend or change a room",
        response_description="The room as it is now",
        responses=MANAGER_PROBLEMS | BODY_PROBLEMS,
    )
    async def update(
        self,
        room_id: RoomIdParameter,
        data: JSONBody[RoomUpdate],
        access: NamedDependency[RoomAccess],
        rooms: NamedDependency[RoomService],
        census: NamedDependency[SkipValidation[Census]],
    ) -> RoomView:
        """`ttl_s` counts from now, and so revives an expired room. A smaller `max_peers` puts nobody out."""
        await access.managed(room_id)
        room = await rooms.update(
            room_id, Update(name=data.name, ttl_s=data.ttl_s, max_peers=data.max_peers, policy=data.policy)
        )
        await census.room_changed(room)
        return await _view(room, census, with_token=access.owns(room))

    @delete(
        "/{room_id:str}",
        operation_id="closeRoom",
        summary="Close a room",
        response_description="The room is gone",
        responses=MANAGER_PROBLEMS,
    )
    async def close(
        self,
        room_id: RoomIdParameter,
        access: NamedDependency[RoomAccess],
        rooms: NamedDependency[RoomService],
        census: NamedDependency[SkipValidation[Census]],
    ) -> None:
        """Everyone in it is put out (4003), and none of its tokens opens anything any more."""
        room = await access.managed(room_id)
        await rooms.delete(room_id)
        await census.remove_room(room_id, room.owner)  # after the store: who registers meanwhile is put out too


async def _view(room: Room, census: Census, *, with_token: bool) -> RoomView:
    counts = await census.counts([room.room_id])
    return RoomView.of(room, peer_count=counts[room.room_id], with_token=with_token)

"""Rooms over HTTP: the original's two calls."""

from typing import Any

from litestar import Controller, Request, post
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, SkipValidation
from msgspec import Struct

from heliograph_server.errors import InvalidRequest
from heliograph_server.identity.bearer import bearer_user
from heliograph_server.identity.verifier import IdentityProvider, User
from heliograph_server.ops.signin_limit import SignInLimiter
from heliograph_server.problems import MAX_BODY_BYTES, problem_responses
from heliograph_server.requests import JsonRequest
from heliograph_server.rooms.census import Census
from heliograph_server.rooms.removal import Removal, RemovalStatus
from heliograph_server.rooms.service import RoomService
from heliograph_server.settings import Settings

__all__ = ["RoomsController"]


class CreatedRoom(Struct, frozen=True):
    """What the creator hands to whoever shall come. `expires_at` is Unix seconds."""

    room_id: str
    token: str
    expires_at: int


class RemovalRequest(Struct, frozen=True, kw_only=True):
    """Which peer; `room_id` picks one of several rooms."""

    peer_id: str
    room_id: str | None = None


class RemovalAnswer(Struct, frozen=True):
    """How it went."""

    status: RemovalStatus


async def removing_user(
    request: Request[Any, Any, Any],
    identity: NamedDependency[SkipValidation[IdentityProvider]],
    settings: NamedDependency[Settings],
) -> User | None:
    """The caller, None where nobody is asked who it is."""
    return None if settings.legacy_open_delete else await bearer_user(request, identity)


class RoomsController(Controller):
    """Creating a room, and removing it and its peers."""

    path = "/"
    tags = ("rooms",)
    security = ({"bearer": []},)
    request_class = JsonRequest
    request_max_body_size = MAX_BODY_BYTES

    @post(
        "/create-room",
        operation_id="createRoom",
        status_code=200,
        summary="Create a room",
        response_description="The room, and the token that opens it",
        responses=problem_responses(
            {
                401: "No valid id token",
                429: "Too many sign-ins and rooms from this address",
                503: "The room store did not answer",
            }
        ),
        dependencies={"user": Provide(bearer_user)},
        cache_control=CacheControlHeader(no_store=True),
    )
    async def create_room(
        self,
        request: Request[Any, Any, Any],
        user: NamedDependency[User],
        rooms: NamedDependency[RoomService],
        limiter: NamedDependency[SignInLimiter],
    ) -> CreatedRoom:
        """Make a room that the caller owns. Whoever has its token gets in until it expires."""
        await limiter.check(request)
        room = await rooms.create(user)
        return CreatedRoom(room_id=room.room_id, token=room.token, expires_at=room.expires_at)

    @post(
        "/delete-peers-and-room",
        operation_id="deletePeersAndRoom",
        status_code=200,
        summary="Remove a peer, and its room",
        response_description="How it went: a peer or room that is not there is no error",
        responses=problem_responses(
            {
                400: "No peer_id, or a body that is no JSON object",
                401: "No valid id token",
                403: "Neither the peer nor its room is the caller's",
                413: "The body is too big",
                503: "The room store did not answer",
            }
        ),
        dependencies={"user": Provide(removing_user)},
    )
    async def delete_peers_and_room(
        self,
        data: JSONBody[RemovalRequest],
        user: NamedDependency[User | None],
        rooms: NamedDependency[RoomService],
        census: NamedDependency[SkipValidation[Census]],
    ) -> RemovalAnswer:
        """The room's creator removes the room and everyone in it; others remove a peer of their own."""
        if not data.peer_id:
            raise InvalidRequest("peer_id: Expected a peer id, got an empty string")
        removal = Removal(rooms, census)
        if user is None:
            status = await removal.by_anyone(data.peer_id, data.room_id)
        elif data.room_id is None:
            status = await removal.everywhere(user, data.peer_id)
        else:
            status = await removal.from_room(user, data.peer_id, data.room_id)
        return RemovalAnswer(status)

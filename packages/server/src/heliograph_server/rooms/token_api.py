"""The tokens of a room as resources."""

from typing import Annotated, Final

from litestar import post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg

from heliograph_server.errors import NotPermitted
from heliograph_server.problems import problem_responses
from heliograph_server.rooms.access import RoomAccess
from heliograph_server.rooms.bodies import JoinToken, JoinTokenRequest, RoomToken
from heliograph_server.rooms.invitations import Invitation
from heliograph_server.rooms.resource import MANAGER_PROBLEMS, RoomIdParameter, RoomResource
from heliograph_server.rooms.service import RoomService
from heliograph_server.signaling.permissions import ROOM_TOKEN_GRANTS

__all__ = ["RoomTokenApi"]

JOIN_TOKEN_EXAMPLE: Final = Example(
    summary="Ten minutes to come in as one certain client",
    value={"role": "client", "peer_id": "Client-1489", "grants": ["discover", "signal"], "ttl_s": 600},
)


class RoomTokenApi(RoomResource):
    """Minting join tokens, and taking the room's own token back."""

    path = "/api/rooms/{room_id:str}"
    tags = ("tokens",)

    @post(
        "/tokens",
        operation_id="mintJoinToken",
        summary="Mint a join token",
        response_description="The token, which `register` takes in place of the room's",
        responses=MANAGER_PROBLEMS
        | problem_responses(
            {
                410: "The room has expired: extend it first",
                413: "The body is too big",
            }
        ),
    )
    async def mint(
        self,
        room_id: RoomIdParameter,
        access: NamedDependency[RoomAccess],
        rooms: NamedDependency[RoomService],
        data: Annotated[JoinTokenRequest | None, BodyKwarg(examples=[JOIN_TOKEN_EXAMPLE])] = None,
    ) -> JoinToken:
        """A key to the room for someone in particular. Only the room's creator may give the `manage` grant.

        It ends at its time, and before that with `rotate-token` and with the room.
        """
        room = await access.managed(room_id)
        pins = data or JoinTokenRequest()
        grants = ROOM_TOKEN_GRANTS if pins.grants is None else frozenset(pins.grants)
        if "manage" in grants and not access.owns(room):
            raise NotPermitted("Only the room's creator may give the `manage` grant")
        invitation = Invitation(
            role=pins.role,
            peer_id=pins.peer_id,
            groups=None if pins.groups is None else tuple(pins.groups),
            grants=grants,
        )
        return JoinToken(*rooms.invite(room, invitation, pins.ttl_s))

    @post(
        "/rotate-token",
        operation_id="rotateRoomToken",
        status_code=200,
        summary="Replace the room's token",
        response_description="The new token",
        responses=MANAGER_PROBLEMS,
    )
    async def rotate(
        self, room_id: RoomIdParameter, access: NamedDependency[RoomAccess], rooms: NamedDependency[RoomService]
    ) -> RoomToken:
        """The old token opens the room no more, nor does any join token minted before. Who is inside stays."""
        await access.managed(room_id)
        room = await rooms.rotate_token(room_id)
        return RoomToken(room.token)

"""The peers of a room as resources."""

from typing import Annotated, Final

from litestar import delete, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter, SkipValidation
from msgspec import UNSET

from heliograph_protocol import Filters, Peer, compile_filter
from heliograph_server.errors import PeerNotFound
from heliograph_server.problems import problem_responses
from heliograph_server.rooms.access import RoomAccess
from heliograph_server.rooms.bodies import PeerPage
from heliograph_server.rooms.census import Census
from heliograph_server.rooms.cursor import cursor_of, read_cursor
from heliograph_server.rooms.resource import (
    MANAGER_PROBLEMS,
    MEMBER_PROBLEMS,
    CursorParameter,
    RoomIdParameter,
    RoomResource,
)

__all__ = ["RoomPeerApi"]

MAX_PEERS_PAGE: Final = 1000
MAX_FILTER_VALUES: Final = 32


class RoomPeerApi(RoomResource):
    """Who is in a room, and putting someone out of it."""

    path = "/api/rooms/{room_id:str}/peers"
    tags = ("peers",)

    @get(
        "/",
        operation_id="listPeers",
        summary="List the peers in a room",
        response_description="A page of peers, by peer id",
        responses=MEMBER_PROBLEMS
        | problem_responses({403: "None of the caller's peers in the room has the `discover` grant"}),
    )
    async def list_peers(
        self,
        *,
        room_id: RoomIdParameter,
        access: NamedDependency[RoomAccess],
        role: Annotated[
            list[str] | None, QueryParameter(max_items=MAX_FILTER_VALUES, description="Any of these roles")
        ] = None,
        tag: Annotated[
            list[str] | None, QueryParameter(max_items=MAX_FILTER_VALUES, description="Any of these tags")
        ] = None,
        cursor: CursorParameter = None,
        limit: Annotated[int, QueryParameter(ge=1, le=MAX_PEERS_PAGE, description="Peers a page")] = MAX_PEERS_PAGE,
    ) -> PeerPage:
        """The room's creator sees all of them, a peer those that share a group with it, itself included."""
        after = "" if cursor is None else read_cursor(cursor, str)
        matches = compile_filter(Filters(role=UNSET if role is None else role, tags=UNSET if tag is None else tag))
        visible = await access.visible(await access.seen(room_id))
        peers = (peer for peer in sorted(visible, key=lambda peer: peer.peer_id) if peer.peer_id > after)
        page: list[Peer] = []
        for peer in filter(matches, peers):
            if len(page) == limit:
                return PeerPage(items=page, next=cursor_of(page[-1].peer_id))
            page.append(peer)
        return PeerPage(items=page, next=None)

    @delete(
        "/{peer_id:str}",
        operation_id="removePeer",
        summary="Put a peer out of a room",
        response_description="The peer is out",
        responses=MANAGER_PROBLEMS
        | problem_responses({404: "There is no such peer or room, or the room is none of the caller's"}),
    )
    async def remove(
        self,
        room_id: RoomIdParameter,
        peer_id: Annotated[str, PathParameter(description="The peer's id")],
        access: NamedDependency[RoomAccess],
        census: NamedDependency[SkipValidation[Census]],
    ) -> None:
        """Its connection closes with 4003. With a token that is still good it may come back: rotate the token first."""
        room = await access.managed(room_id)
        removal = await census.remove_peer(room.room_id, peer_id)
        if not removal.found:
            raise PeerNotFound("There is no such peer in this room")

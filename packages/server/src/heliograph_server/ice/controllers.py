"""ICE servers over HTTP."""

from typing import Annotated, Final

from litestar import Controller, get
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency, Provide
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from msgspec import Meta, Struct

from heliograph_protocol import IceServer
from heliograph_server.ice.servers import IceServers
from heliograph_server.identity.bearer import bearer_user
from heliograph_server.identity.verifier import User
from heliograph_server.problems import problem_responses

__all__ = ["IceApi"]


class IceServerList(Struct, frozen=True):
    """What a peer connection takes as its `iceServers`, and for how long."""

    ice_servers: list[IceServer]
    ttl_s: Annotated[int, Meta(description="Seconds until the credentials end; ask again before", examples=[3600])]


EXAMPLE: Final = Example(
    summary="One STUN and one TURN server",
    value={
        "ice_servers": [
            {"urls": ["stun:turn.example.org:3478"]},
            {
                "urls": ["turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:5349?transport=tcp"],
                "username": "1893456000:3c59dc048e8850243be8079a",
                "credential": "c2lnbmF0dXJlIG9mIHRoZSB1c2U=",
            },
        ],
        "ttl_s": 3600,
    },
)


class IceApi(Controller):
    """Where to ask for the way through."""

    path = "/api/ice-servers"
    tags = ("ice",)
    security = ({"bearer": []},)
    cache_control = CacheControlHeader(no_store=True)
    dependencies = {"user": Provide(bearer_user)}  # noqa: RUF012 - Litestar's way

    @get(
        "/",
        operation_id="iceServers",
        summary="ICE servers for the caller",
        response_description="The servers; those for TURN with fresh credentials",
        responses={
            200: ResponseSpec(
                IceServerList,
                description="The servers; those for TURN with fresh credentials",
                examples=[EXAMPLE],
                generate_examples=False,
            ),
            **problem_responses({401: "No valid id token", 503: "The identity provider did not answer"}),
        },
    )
    async def ice_servers(self, user: NamedDependency[User], ice_servers: NamedDependency[IceServers]) -> IceServerList:
        """Each call makes new credentials. The list is empty if the server's operator has named no servers."""
        return IceServerList(ice_servers.for_user(user.subject), ice_servers.ttl_s)

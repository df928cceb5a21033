"""The JSON of the room resources: what is asked, and what is answered."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from heliograph_protocol import Grant, Group, Peer, PeerId
from heliograph_server.rooms.model import Policy, Role, Room
from heliograph_server.rooms.service import MAX_ROOM_TTL_S, MIN_ROOM_TTL_S

__all__ = [
    "JoinToken",
    "JoinTokenRequest",
    "NewRoom",
    "PeerPage",
    "RoomPage",
    "RoomToken",
    "RoomUpdate",
    "RoomView",
]

MAX_NAME_CHARS: Final = 128
MAX_GROUPS: Final = 32
MIN_JOIN_TOKEN_TTL_S: Final = 1

Name = Annotated[
    str, Meta(min_length=1, max_length=MAX_NAME_CHARS, description="For people", examples=["training run 7"])
]
TtlS = Annotated[
    int,
    Meta(
        ge=MIN_ROOM_TTL_S, le=MAX_ROOM_TTL_S, description="Seconds from now until nobody else gets in", examples=[7200]
    ),
]
MaxPeers = Annotated[
    int, Meta(ge=1, description="Peers at once; at most what the server's setting `max_peers` allows", examples=[100])
]
RoomPolicy = Annotated[
    Policy, Meta(description="Who may signal whom", examples=[{"signal": {"client": ["worker"], "worker": ["client"]}}])
]
Next = Annotated[
    str | None,
    Meta(description="The `cursor` of the next page, null if this is the last", examples=["ks5yZWFk"]),
]
UnixSeconds = Annotated[int, Meta(description="Unix seconds", examples=[1_893_456_000])]


class NewRoom(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A room to be. Unknown fields are refused: a misspelt limit would be none."""

    name: Name | None = None
    ttl_s: TtlS | None = None
    max_peers: MaxPeers | None = None
    policy: RoomPolicy | None = None


class RoomUpdate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a room; what is left out stays. `name` and `policy` may be null: then there is none."""

    name: Name | UnsetType | None = UNSET
    ttl_s: TtlS | UnsetType = UNSET
    max_peers: MaxPeers | UnsetType = UNSET
    policy: RoomPolicy | UnsetType | None = UNSET


class RoomView(Struct, frozen=True, kw_only=True):
    """A room."""

    room_id: Annotated[str, Meta(examples=["k7m2pq9x"])]
    name: Name | None
    created_at: UnixSeconds
    expires_at: Annotated[
        int, Meta(description="Unix seconds; from then on nobody registers", examples=[1_893_463_200])
    ]
    max_peers: MaxPeers
    policy: RoomPolicy | None
    peer_count: Annotated[int, Meta(description="Peers in it now, those that are away too", examples=[3])]
    token: (
        Annotated[
            str, Meta(description="Opens the room; only its creator is told", examples=["Zm9yIGV4YW1wbGUgb25seQ"])
        ]
        | UnsetType
    ) = UNSET

    @classmethod
    def of(cls, room: Room, *, peer_count: int, with_token: bool) -> "RoomView":
        """The room as it is shown."""
        return cls(
            room_id=room.room_id,
            name=room.name,
            created_at=room.created_at,
            expires_at=room.expires_at,
            max_peers=room.max_peers,
            policy=room.policy,
            peer_count=peer_count,
            token=room.token if with_token else UNSET,
        )


class RoomPage(Struct, frozen=True):
    """Some of the caller's rooms."""

    items: list[RoomView]
    next: Next


class PeerPage(Struct, frozen=True):
    """Some of the peers in a room."""

    items: list[Peer]
    next: Next


class JoinTokenRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a join token pins. What is left out the peer chooses itself; the grants are then the room token's."""

    role: Role | None = None
    peer_id: PeerId | None = None
    groups: Annotated[list[Group], Meta(min_length=1, max_length=MAX_GROUPS, examples=[["training"]])] | None = None
    grants: Annotated[list[Grant], Meta(examples=[["discover", "signal"]])] | None = None
    ttl_s: (
        Annotated[
            int,
            Meta(
                ge=MIN_JOIN_TOKEN_TTL_S,
                le=MAX_ROOM_TTL_S,
                description="Seconds from now until it lets nobody in; by default as long as the room does",
                examples=[600],
            ),
        ]
        | None
    ) = None


class JoinToken(Struct, frozen=True):
    """A join token: `register` takes it as `token`."""

    token: Annotated[str, Meta(examples=["eyJhbGciOiJFUzI1NiJ9.eyJyb29tIjoiazdtMnBxOXgifQ.c2lnbmF0dXJl"])]
    expires_at: UnixSeconds


class RoomToken(Struct, frozen=True):
    """The room's token."""

    token: Annotated[str, Meta(examples=["Zm9yIGV4YW1wbGUgb25seQ"])]

"""A room."""

from msgspec import Struct

from heliograph_server.identity.verifier import User

__all__ = ["Room"]


class Room(Struct, frozen=True, kw_only=True):
    """A place to meet. Times are Unix seconds; whoever has the `token` gets in until `expires_at`."""

    room_id: str
    token: str
    owner: User
    created_at: int
    expires_at: int
    max_peers: int

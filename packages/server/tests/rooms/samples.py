"""Two users, and rooms of theirs."""

from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Room

ANN = User(issuer="heliograph", subject="ann")
BOB = User(issuer="heliograph", subject="bob")


def a_room(room_id: str = "abcd2345", *, owner: User = ANN, expires_at: int = 9_000) -> Room:
    return Room(room_id=room_id, token="t" * 32, owner=owner, created_at=1_800, expires_at=expires_at, max_peers=7)

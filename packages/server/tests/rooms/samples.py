"""Two users, and rooms of theirs."""

from heliograph_server.identity.verifier import User
from heliograph_server.rooms.dynamodb_item import Defaults
from heliograph_server.rooms.model import Policy, Room

ANN = User(issuer="heliograph", subject="ann")
BOB = User(issuer="heliograph", subject="bob")

DEFAULTS = Defaults(issuer="heliograph", max_peers=50)


POLICY = Policy(signal={"client": ["worker"], "wörker": []})


def a_room(
    room_id: str = "abcd2345",
    *,
    owner: User = ANN,
    created_at: int = 1_800,
    expires_at: int = 9_000,
    name: str | None = None,
    policy: Policy | None = None,
) -> Room:
    return Room(
        room_id=room_id,
        token="t" * 32,
        owner=owner,
        created_at=created_at,
        expires_at=expires_at,
        max_peers=7,
        name=name,
        policy=policy,
    )

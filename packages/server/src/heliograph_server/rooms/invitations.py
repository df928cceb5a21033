"""Join tokens: a way into one room, as someone in particular.

A join token is a JWT (RFC 7519) signed with the server's own key. It holds a fingerprint of the room's token, so that
all join tokens of a room end when that token changes or the room goes; no list of them is kept.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from heliograph_server.errors import InvalidRoomToken
from heliograph_server.identity.signing import SigningKey
from heliograph_server.identity.tokens import InvalidSignature, SignedToken
from heliograph_server.rooms.model import Room

__all__ = ["Invitation", "JoinTokens"]

ISSUER: Final = "heliograph"

AUDIENCE: Final = "heliograph-room"
"""Not the audience of id tokens, which the same key signs: neither passes for the other."""

JTI_BYTES: Final = 12


class Invitation(Struct, frozen=True):
    """What a join token pins: what is None the peer chooses itself."""

    role: str | None
    peer_id: str | None
    groups: tuple[str, ...] | None
    grants: frozenset[str]


class _Claims(Struct, kw_only=True):
    """RFC 7519 section 4.1, and our own: `room`, `key` (a fingerprint of the room's token), what the token pins."""

    iss: str
    aud: str
    jti: str
    iat: int
    exp: int
    room: str
    key: str
    role: str | None
    peer_id: str | None
    groups: tuple[str, ...] | None
    grants: tuple[str, ...]


class JoinTokens:
    """Makes and reads join tokens. `clock` gives Unix seconds; its own tokens get no leeway."""

    def __init__(self, key: SigningKey, clock: Callable[[], float]) -> None:
        self._key = key
        self._clock = clock

    def mint(
        self,
        room: Room,
        *,
        role: str | None,
        peer_id: str | None,
        groups: tuple[str, ...] | None,
        grants: frozenset[str],
        ttl_s: int,
    ) -> tuple[str, int]:
        """A token for `ttl_s` seconds from now, and when it ends in Unix seconds.

        Raises `ValueError` if what it pins is too much for a token.
        """
        now = int(self._clock())
        claims = _Claims(
            iss=ISSUER,
            aud=AUDIENCE,
            jti=secrets.token_urlsafe(JTI_BYTES),
            iat=now,
            exp=now + ttl_s,
            room=room.room_id,
            key=_fingerprint(room),
            role=role,
            peer_id=peer_id,
            groups=groups,
            grants=tuple(sorted(grants)),
        )
        return self._key.sign(claims), claims.exp

    def read(self, token: str, room: Room) -> Invitation:
        """What the token pins. Raises `InvalidRoomToken`: forged, expired, revoked, or another room's."""
        try:
            claims = msgspec.json.decode(self._key.verify(SignedToken.parse(token)), type=_Claims)
        except (InvalidSignature, msgspec.MsgspecError) as error:
            raise InvalidRoomToken(f"That is not a token of room {room.room_id}") from error
        if claims.iss != ISSUER or claims.aud != AUDIENCE or claims.room != room.room_id:
            raise InvalidRoomToken(f"That is not a token of room {room.room_id}")
        if not hmac.compare_digest(claims.key.encode(), _fingerprint(room).encode()):
            raise InvalidRoomToken(f"That join token of room {room.room_id} was revoked")
        if self._clock() >= claims.exp:
            raise InvalidRoomToken(f"That join token of room {room.room_id} has expired")
        return Invitation(
            role=claims.role, peer_id=claims.peer_id, groups=claims.groups, grants=frozenset(claims.grants)
        )


def _fingerprint(room: Room) -> str:
    """Of the room's token, which it does not help to guess: that has 192 random bits."""
    return hashlib.sha256(f"{AUDIENCE} {room.room_id} {room.token}".encode()).hexdigest()

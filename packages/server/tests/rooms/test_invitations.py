"""Join tokens: what they say is what was pinned, and they end when they should."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jose import jws
from msgspec.structs import replace

from heliograph_server.errors import InvalidIdToken, InvalidRoomToken
from heliograph_server.identity.local import LocalIdentity
from heliograph_server.identity.signing import SigningKey
from heliograph_server.identity.tokens import SignedToken
from heliograph_server.rooms.invitations import Invitation, JoinTokens
from heliograph_server.rooms.model import Room

from .house import Clock
from .samples import BOB, a_room

ROOM = a_room()
PINNED = Invitation(role="wörker", peer_id="Worker-1", groups=("a", "b"), grants=frozenset({"signal", "manage"}))
FREE = Invitation(role=None, peer_id=None, groups=None, grants=frozenset())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.load(tmp_path)


@pytest.fixture
def tokens(key: SigningKey, clock: Clock) -> JoinTokens:
    return JoinTokens(key, clock)


def mint(tokens: JoinTokens, invitation: Invitation = FREE, room: Room = ROOM, ttl_s: int = 60) -> str:
    return tokens.mint(room, **msgspec.structs.asdict(invitation), ttl_s=ttl_s)[0]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(jws.get_unverified_claims(token))
    return claims


@pytest.mark.parametrize("invitation", [PINNED, FREE])
def test_a_token_says_what_it_pins(tokens: JoinTokens, invitation: Invitation) -> None:
    assert tokens.read(mint(tokens, invitation), ROOM) == invitation


def test_it_is_signed_with_the_published_key(tokens: JoinTokens, key: SigningKey) -> None:
    token = mint(tokens, PINNED)
    assert jws.get_unverified_header(token)["alg"] == "ES256"
    assert json.loads(jws.verify(token, key.jwks, ["ES256"]))["room"] == ROOM.room_id


def test_it_does_not_hold_the_rooms_token(tokens: JoinTokens) -> None:
    assert ROOM.token not in json.dumps(claims_of(mint(tokens)))


def test_no_two_are_alike(tokens: JoinTokens) -> None:
    assert claims_of(mint(tokens))["jti"] != claims_of(mint(tokens))["jti"]


def test_it_ends_to_the_second(tokens: JoinTokens, clock: Clock) -> None:
    clock.now = 1_000_000.9
    token, expires_at = tokens.mint(ROOM, **msgspec.structs.asdict(FREE), ttl_s=60)
    assert expires_at == 1_000_060
    clock.now = 1_000_059.99
    tokens.read(token, ROOM)
    clock.now = 1_000_060
    with pytest.raises(InvalidRoomToken, match="expired"):
        tokens.read(token, ROOM)


@pytest.mark.parametrize(
    "room", [replace(ROOM, token="u" * 32), replace(ROOM, room_id="wxyz2345"), a_room("wxyz2345", owner=BOB)]
)
def test_it_opens_neither_another_room_nor_this_one_once_its_token_is_another(tokens: JoinTokens, room: Room) -> None:
    token = mint(tokens)
    with pytest.raises(InvalidRoomToken):
        tokens.read(token, room)


def test_other_changes_of_the_room_leave_it_good(tokens: JoinTokens) -> None:
    token = mint(tokens, PINNED)
    assert tokens.read(token, replace(ROOM, name="new", expires_at=99_999, max_peers=1)) == PINNED


def test_another_servers_token_is_none(tokens: JoinTokens, clock: Clock, tmp_path: Path) -> None:
    other = JoinTokens(SigningKey.load(tmp_path / "other"), clock)
    with pytest.raises(InvalidRoomToken):
        tokens.read(mint(other), ROOM)


@pytest.mark.parametrize(
    "change", [{"aud": "heliograph"}, {"iss": "else"}, {"room": "wxyz2345"}, {"key": ""}, {"key": "é"}]
)
def test_what_the_same_key_signed_for_something_else_is_none(
    tokens: JoinTokens, key: SigningKey, change: dict[str, str]
) -> None:
    claims = claims_of(mint(tokens))
    assert tokens.read(key.sign(claims), ROOM) == FREE
    with pytest.raises(InvalidRoomToken):
        tokens.read(key.sign(claims | change), ROOM)


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "room", "key", "role", "peer_id", "groups", "grants"])
def test_without_one_of_its_claims_it_is_none(tokens: JoinTokens, key: SigningKey, claim: str) -> None:
    claims = claims_of(mint(tokens))
    del claims[claim]
    with pytest.raises(InvalidRoomToken):
        tokens.read(key.sign(claims), ROOM)


@pytest.mark.parametrize("claim", [{"exp": "never"}, {"exp": None}, {"grants": "manage"}, {"groups": [1]}, {"role": 7}])
def test_claims_of_the_wrong_type_are_none(tokens: JoinTokens, key: SigningKey, claim: dict[str, Any]) -> None:
    with pytest.raises(InvalidRoomToken):
        tokens.read(key.sign(claims_of(mint(tokens)) | claim), ROOM)


def test_id_tokens_and_join_tokens_do_not_pass_for_each_other(tokens: JoinTokens, clock: Clock, tmp_path: Path) -> None:
    identity = LocalIdentity(tmp_path, clock)
    with pytest.raises(InvalidRoomToken):
        tokens.read(identity.mint("ann", 60), ROOM)
    with pytest.raises(InvalidIdToken):
        identity.verify_now(SignedToken.parse(mint(tokens, PINNED)))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "é.é.é", "t" * 32, "a" * 100_000, "\0", "null"])
def test_what_is_no_jwt_is_none(tokens: JoinTokens, token: str) -> None:
    with pytest.raises(InvalidRoomToken):
        tokens.read(token, ROOM)


def test_a_changed_letter_makes_it_none(tokens: JoinTokens) -> None:
    token = mint(tokens, PINNED)
    for position in range(0, len(token) - 1, 7):
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(InvalidRoomToken):
            tokens.read(changed, ROOM)


def test_the_most_that_can_be_asked_for_fits(tokens: JoinTokens) -> None:
    most = Invitation(
        role="🚀" * 64,
        peer_id="P" * 128,
        groups=tuple(f"{number:02}" + "🚀" * 62 for number in range(32)),
        grants=FREE.grants,
    )
    assert tokens.read(mint(tokens, most), ROOM) == most


def test_what_does_not_fit_is_not_minted(tokens: JoinTokens) -> None:
    with pytest.raises(ValueError, match="too long"):
        mint(tokens, Invitation(role="r" * 20_000, peer_id=None, groups=None, grants=FREE.grants))

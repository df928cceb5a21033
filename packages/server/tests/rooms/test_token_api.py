"""Join tokens over HTTP: who may mint which."""

from typing import Any

import pytest

from heliograph_server.errors import InvalidRoomToken
from heliograph_server.rooms.invitations import Invitation
from heliograph_server.rooms.service import MAX_ROOM_TTL_S, ROOM_TTL_S
from heliograph_server.signaling.permissions import ALL_GRANTS, ROOM_TOKEN_GRANTS

from .house import House

MANAGE = frozenset({"manage"})


async def invitation_of(house: House, room_id: str, token: str) -> Invitation:
    _, invitation = await house.rooms.admit(room_id, token)
    assert invitation is not None
    return invitation


async def test_what_is_asked_for_is_what_the_token_pins(house: House) -> None:
    room_id = await house.room_of("ann")
    body = {
        "role": "client",
        "peer_id": "Client-1489",
        "groups": ["training", "default"],
        "grants": ["signal", "manage"],
        "ttl_s": 5,
    }
    answer = await house.call("ann", "POST", f"/api/rooms/{room_id}/tokens", body)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"token", "expires_at"}
    assert answer.json()["expires_at"] == int(house.clock.now) + 5
    assert await invitation_of(house, room_id, answer.json()["token"]) == Invitation(
        role="client", peer_id="Client-1489", groups=("training", "default"), grants=frozenset({"signal", "manage"})
    )


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b'{"role":null,"grants":null,"groups":null,"ttl_s":null}'])
async def test_by_default_it_gives_what_the_rooms_token_gives_for_as_long(house: House, content: bytes) -> None:
    room_id = await house.room_of("ann")
    answer = await house.client.post(f"/api/rooms/{room_id}/tokens", content=content, headers=house.bearer("ann"))
    assert answer.json()["expires_at"] == (await house.room(room_id)).expires_at
    assert await invitation_of(house, room_id, answer.json()["token"]) == Invitation(
        role=None, peer_id=None, groups=None, grants=ROOM_TOKEN_GRANTS
    )


async def test_no_grants_at_all_may_be_given(house: House) -> None:
    room_id = await house.room_of("ann")
    answer = await house.call("ann", "POST", f"/api/rooms/{room_id}/tokens", {"grants": []})
    assert (await invitation_of(house, room_id, answer.json()["token"])).grants == frozenset()


async def test_who_manages_mints_but_does_not_make_managers(house: House) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "Manager-1", "mia", grants=MANAGE)
    path = f"/api/rooms/{room_id}/tokens"
    minted = await house.call("mia", "POST", path, {"grants": sorted(ROOM_TOKEN_GRANTS)})
    assert minted.status_code == 201
    for grants in (["manage"], sorted(ALL_GRANTS)):
        refused = await house.call("mia", "POST", path, {"grants": grants})
        assert (refused.status_code, refused.json()["code"]) == (403, "NOT_PERMITTED")
        assert (await house.call("ann", "POST", path, {"grants": grants})).status_code == 201


async def test_rotation_ends_the_join_tokens(house: House) -> None:
    room_id = await house.room_of("ann")
    token = (await house.call("ann", "POST", f"/api/rooms/{room_id}/tokens", {})).json()["token"]
    await invitation_of(house, room_id, token)
    await house.call("ann", "POST", f"/api/rooms/{room_id}/rotate-token")
    with pytest.raises(InvalidRoomToken):
        await house.rooms.admit(room_id, token)


async def test_to_an_expired_room_nobody_is_invited(house: House) -> None:
    room_id = await house.room_of("ann")
    house.clock.now += ROOM_TTL_S
    answer = await house.call("ann", "POST", f"/api/rooms/{room_id}/tokens", {"ttl_s": 60})
    assert (answer.status_code, answer.json()["code"]) == (410, "ROOM_EXPIRED")


@pytest.mark.parametrize(
    "body",
    [
        {"role": ""},
        {"role": "a" * 65},
        {"role": 7},
        {"peer_id": ""},
        {"peer_id": "two words"},
        {"peer_id": "a" * 129},
        {"peer_id": "Client-1\n"},
        {"groups": []},
        {"groups": [""]},
        {"groups": "training"},
        {"groups": ["a" * 65]},
        {"groups": ["a"] * 33},
        {"grants": ["fly"]},
        {"grants": "signal"},
        {"grants": [None]},
        {"ttl_s": 0},
        {"ttl_s": -5},
        {"ttl_s": MAX_ROOM_TTL_S + 1},
        {"ttl_s": "soon"},
        {"grant": ["signal"]},
        {"peer": "Client-1"},
        [],
        "token",
    ],
    ids=lambda body: str(body)[:40],
)
async def test_what_a_token_cannot_pin_is_refused(house: House, body: Any) -> None:
    room_id = await house.room_of("ann")
    answer = await house.call("ann", "POST", f"/api/rooms/{room_id}/tokens", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_MESSAGE")
    assert "token" not in answer.json()


async def test_the_most_that_is_allowed_fits_into_a_token(house: House) -> None:
    room_id = await house.room_of("ann")
    body: dict[str, Any] = {
        "role": "ü" * 64,
        "peer_id": "P" * 128,
        "groups": [f"{number:02}" + "ü" * 62 for number in range(32)],
        "grants": sorted(ALL_GRANTS),
        "ttl_s": MAX_ROOM_TTL_S,
    }
    answer = await house.call("ann", "POST", f"/api/rooms/{room_id}/tokens", body)
    assert answer.status_code == 201
    assert (await invitation_of(house, room_id, answer.json()["token"])).groups == tuple(body["groups"])

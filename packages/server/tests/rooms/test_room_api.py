"""Rooms as resources: whose they are, what they say, what may be asked of them."""

from pathlib import Path
from typing import Any

import pytest

from heliograph_protocol import CloseCode
from heliograph_server.errors import InvalidRoomToken, RoomExpired, RoomNotFound
from heliograph_server.rooms.model import Policy
from heliograph_server.rooms.service import MAX_ROOM_TTL_S, MIN_ROOM_TTL_S, ROOM_TTL_S
from heliograph_server.settings import Settings
from heliograph_server.signaling.permissions import ALL_GRANTS

from .house import MAX_PEERS, House, user

FIELDS = {"room_id", "name", "created_at", "expires_at", "max_peers", "policy", "peer_count"}
POLICY = {"signal": {"client": ["worker"], "worker": []}}

ON_A_ROOM: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {"name": "mine now"}),
    ("DELETE", "", None),
    ("GET", "/peers", None),
    ("DELETE", "/peers/Worker-1", None),
    ("POST", "/tokens", {}),
    ("POST", "/rotate-token", None),
]
BY_ITS_CREATOR = [call for call in ON_A_ROOM if call[0] != "GET"]


async def test_a_room_is_created_with_all_that_can_be_said_of_it(house: House) -> None:
    body = {"name": "Größe 7", "ttl_s": 600, "max_peers": 5, "policy": POLICY}
    answer = await house.call("ann", "POST", "/api/rooms", body)
    now = int(house.clock.now)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made == {
        "room_id": made["room_id"],
        "name": "Größe 7",
        "created_at": now,
        "expires_at": now + 600,
        "max_peers": 5,
        "policy": POLICY,
        "peer_count": 0,
        "token": made["token"],
    }
    room, invitation = await house.rooms.admit(made["room_id"], made["token"])
    assert (room.owner, invitation) == (user("ann"), None)


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b'{"name":null,"ttl_s":null,"max_peers":null,"policy":null}'])
async def test_nothing_needs_to_be_said(house: House, content: bytes) -> None:
    answer = await house.client.post("/api/rooms", content=content, headers=house.bearer("ann"))
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == FIELDS | {"token"}
    assert (made["name"], made["policy"], made["max_peers"]) == (None, None, MAX_PEERS)
    assert made["expires_at"] - made["created_at"] == ROOM_TTL_S


BAD_FIELDS: list[dict[str, Any]] = [
    {"name": ""},
    {"name": "a" * 129},
    {"name": 7},
    {"name": ["lab"]},
    {"ttl_s": MIN_ROOM_TTL_S - 1},
    {"ttl_s": MAX_ROOM_TTL_S + 1},
    {"ttl_s": "soon"},
    {"ttl_s": 60.5},
    {"ttl_s": True},
    {"max_peers": 0},
    {"max_peers": MAX_PEERS + 1},
    {"max_peers": 10**40},
    {"policy": []},
    {"policy": {"signals": {}}},
    {"policy": {"signal": []}},
    {"policy": {"signal": {"": ["worker"]}}},
    {"policy": {"signal": {"a" * 65: ["worker"]}}},
    {"policy": {"signal": {"client": "worker"}}},
    {"policy": {"signal": {"client": [""]}}},
    {"policy": {"signal": {"client": [None]}}},
    {"policy": {"signal": {"client": ["a" * 65]}}},
    {"policy": {"signal": {"client": ["worker"] * 65}}},
    {"policy": {"signal": {f"role{number}": [] for number in range(65)}}},
    {"tll_s": 60},
    {"token": "mine"},
    {"owner": "eve"},
]


@pytest.mark.parametrize("body", [*BAD_FIELDS, [], 7, "lab"], ids=lambda body: str(body)[:40])
async def test_what_a_room_cannot_be_is_refused(house: House, body: Any) -> None:
    room_id = await house.room_of("ann")
    before = await house.room(room_id)
    created = await house.call("ann", "POST", "/api/rooms", body)
    changed = await house.call("ann", "PATCH", f"/api/rooms/{room_id}", body)
    for answer in (created, changed):
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "INVALID_MESSAGE"
        assert " " in answer.json()["detail"]
    assert await house.room(room_id) == before
    assert (await house.call("ann", "GET", "/api/rooms")).json()["items"][1:] == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"name":"\xff"}', b"[" * 10_000, b'{"name":"\\ud800"}'])
async def test_a_body_that_is_no_json_changes_nothing(house: House, content: bytes) -> None:
    room_id = await house.room_of("ann")
    answer = await house.client.patch(f"/api/rooms/{room_id}", content=content, headers=house.bearer("ann"))
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_MESSAGE")


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/rooms"), ("PATCH", "/api/rooms/abcd2345")])
async def test_a_body_that_is_too_big_is_not_read(house: House, method: str, path: str) -> None:
    answer = await house.call("ann", method, path, {"name": "a" * 20_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "MESSAGE_TOO_BIG")


async def test_rooms_of_one_address_are_limited_however_they_are_made(tmp_path: Path) -> None:
    house = House(tmp_path, Settings(signin_limit=2))
    async with house.client as client:
        assert (await client.post("/create-room", headers=house.bearer("ann"))).status_code == 200
        assert (await house.call("ann", "POST", "/api/rooms")).status_code == 201
        refused = await house.call("bob", "POST", "/api/rooms")
        assert (await house.call("ann", "GET", "/api/rooms")).status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize(("method", "path", "body"), [("POST", "/api/rooms", {}), ("GET", "/api/rooms", None)])
async def test_without_an_id_token_there_are_no_rooms(house: House, method: str, path: str, body: Any) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = await house.client.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_ID_TOKEN")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "body"), ON_A_ROOM)
async def test_without_an_id_token_there_is_no_room(house: House, method: str, path: str, body: Any) -> None:
    room_id = await house.room_of("ann")
    for known in (room_id, "zzzzzzzz"):
        answer = await house.client.request(method, f"/api/rooms/{known}{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_ID_TOKEN")


@pytest.mark.parametrize(("method", "path", "body"), ON_A_ROOM)
async def test_to_a_stranger_a_room_is_as_if_it_were_not(house: House, method: str, path: str, body: Any) -> None:
    room_id = await house.room_of("ann")
    connection = await house.join(room_id, "Worker-1", "bob", grants=ALL_GRANTS)
    before = await house.room(room_id)
    elsewhere = await house.room_of("eve")
    await house.join(elsewhere, "Worker-1", "eve", grants=ALL_GRANTS)
    hidden = await house.call("eve", method, f"/api/rooms/{room_id}{path}", body)
    absent = await house.call("eve", method, f"/api/rooms/zzzzzzzz{path}", body)
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content
    assert [name for name in hidden.headers if hidden.headers[name] != absent.headers[name]] == []
    assert hidden.json()["code"] == "ROOM_NOT_FOUND"
    assert connection.closes == []
    assert await house.room(room_id) == before


@pytest.mark.parametrize(("method", "path", "body"), BY_ITS_CREATOR)
async def test_a_peer_may_not_do_what_the_creator_may(house: House, method: str, path: str, body: Any) -> None:
    room_id = await house.room_of("ann")
    before = await house.room(room_id)
    connections = [await house.join(room_id, name, "bob") for name in ("Worker-1", "Client-1")]
    answer = await house.call("bob", method, f"/api/rooms/{room_id}{path}", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_PERMITTED")
    assert [connection.closes for connection in connections] == [[], []]
    assert await house.room(room_id) == before


@pytest.mark.parametrize(("method", "path", "body"), BY_ITS_CREATOR)
@pytest.mark.parametrize("caller", ["ann", "mia"])
async def test_the_creator_may_and_so_may_a_peer_that_manages(
    house: House, method: str, path: str, body: Any, caller: str
) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "Worker-1", "bob")
    await house.join(room_id, "Manager-1", "mia", grants=frozenset({"manage"}))
    answer = await house.call(caller, method, f"/api/rooms/{room_id}{path}", body)
    assert answer.status_code in {200, 201, 204}


async def test_who_has_left_is_a_stranger(house: House) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "Worker-1", "bob")
    assert (await house.call("bob", "GET", f"/api/rooms/{room_id}")).status_code == 200
    for member in house.hub.members(room_id):
        house.hub.leave(member)
    assert (await house.call("bob", "GET", f"/api/rooms/{room_id}")).status_code == 404


async def test_the_token_is_told_to_the_creator_alone(house: House) -> None:
    room_id = await house.room_of("ann")
    room = await house.room(room_id)
    await house.join(room_id, "Worker-1", "bob")
    await house.join(room_id, "Manager-1", "mia", grants=ALL_GRANTS)
    path = f"/api/rooms/{room_id}"
    own = await house.call("ann", "GET", path)
    assert own.json()["token"] == room.token
    assert own.json()["peer_count"] == 2
    changed = await house.call("mia", "PATCH", path, {"name": "lab"})
    for answer in (await house.call("bob", "GET", path), await house.call("mia", "GET", path), changed):
        assert set(answer.json()) == FIELDS
        assert room.token not in answer.text
        assert answer.headers["cache-control"] == "no-store"


async def test_what_is_not_named_stays(house: House) -> None:
    made = await house.rooms.create(user("ann"), name="lab", ttl_s=600, policy=Policy(signal={"a": ["b"]}))
    path = f"/api/rooms/{made.room_id}"
    before = (await house.call("ann", "GET", path)).json()
    assert (await house.call("ann", "PATCH", path, {})).json() == before
    assert (await house.call("ann", "PATCH", path, {"name": "hall"})).json() == before | {"name": "hall"}
    assert (await house.call("ann", "PATCH", path, {"max_peers": 3})).json() == before | {
        "name": "hall",
        "max_peers": 3,
    }
    assert (await house.call("ann", "PATCH", path, {"policy": POLICY})).json()["policy"] == POLICY
    cleared = await house.call("ann", "PATCH", path, {"name": None, "policy": None})
    assert cleared.json() == before | {"name": None, "policy": None, "max_peers": 3}
    assert (await house.call("ann", "GET", path)).json() == cleared.json()


@pytest.mark.parametrize("field", ["ttl_s", "max_peers"])
async def test_a_room_cannot_be_without_an_end_or_a_size(house: House, field: str) -> None:
    room_id = await house.room_of("ann")
    assert (await house.call("ann", "PATCH", f"/api/rooms/{room_id}", {field: None})).status_code == 400


async def test_an_expired_room_is_revived(house: House) -> None:
    room_id = await house.room_of("ann")
    token = (await house.room(room_id)).token
    house.clock.now += ROOM_TTL_S
    with pytest.raises(RoomExpired):
        await house.rooms.admit(room_id, token)
    answer = await house.call("ann", "PATCH", f"/api/rooms/{room_id}", {"ttl_s": 600})
    assert answer.json()["expires_at"] == int(house.clock.now) + 600
    await house.rooms.admit(room_id, token)


async def test_those_inside_live_by_the_room_as_it_is_now(house: House) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "Worker-1", "bob")
    body = {"policy": POLICY, "ttl_s": 4_000, "max_peers": 2}
    await house.call("ann", "PATCH", f"/api/rooms/{room_id}", body)
    live = house.hub.members(room_id)[0].room
    assert live.policy == Policy(signal={"client": ["worker"], "worker": []})
    assert (live.expires_at, live.max_peers) == (int(house.clock.now) + 4_000, 2)


async def test_a_smaller_room_puts_nobody_out(house: House) -> None:
    room_id = await house.room_of("ann")
    connections = [await house.join(room_id, name, "bob") for name in ("Worker-1", "Worker-2")]
    answer = await house.call("ann", "PATCH", f"/api/rooms/{room_id}", {"max_peers": 1})
    assert answer.json()["peer_count"] == 2
    assert [connection.closes for connection in connections] == [[], []]


async def test_a_closed_room_is_gone_and_everyone_out(house: House) -> None:
    room_id, other = await house.room_of("ann"), await house.room_of("ann")
    token = (await house.room(room_id)).token
    connections = [await house.join(room_id, name, "bob") for name in ("Worker-1", "Worker-2")]
    elsewhere = await house.join(other, "Worker-1", "bob")
    answer = await house.call("ann", "DELETE", f"/api/rooms/{room_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert [connection.closes for connection in connections] == [[CloseCode.REMOVED]] * 2
    assert elsewhere.closes == []
    with pytest.raises(RoomNotFound):
        await house.rooms.admit(room_id, token)
    assert (await house.call("ann", "DELETE", f"/api/rooms/{room_id}")).status_code == 404


async def test_who_registers_while_the_room_closes_is_put_out_with_it(house: House) -> None:
    room_id = await house.room_of("ann")
    room = await house.room(room_id)
    late = []
    house.store.on_delete = lambda: late.append(house.let_in(room, "Client-1", "cid"))
    await house.call("ann", "DELETE", f"/api/rooms/{room_id}")
    assert [connection.closes for connection in late] == [[CloseCode.REMOVED]]
    assert not house.hub.occupied(room_id)


async def test_the_callers_rooms_are_listed_newest_first(house: House) -> None:
    made = []
    for _ in range(5):
        made.append(await house.room_of("ann"))
        house.clock.now += 1
    await house.room_of("bob")
    await house.join(made[0], "Worker-1", "bob")
    listed: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await house.call("ann", "GET", "/api/rooms", limit=2, **cursor)).json()
        assert set(page) == {"items", "next"}
        assert len(page["items"]) <= 2
        listed += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [room["room_id"] for room in listed] == made[::-1]
    assert all(set(room) == FIELDS | {"token"} for room in listed)
    assert [room["peer_count"] for room in listed] == [0, 0, 0, 0, 1]
    assert (await house.call("cid", "GET", "/api/rooms")).json() == {"items": [], "next": None}


async def test_an_expired_room_is_listed_while_it_is_kept(house: House) -> None:
    room_id = await house.room_of("ann")
    house.clock.now += ROOM_TTL_S + 10
    assert [room["room_id"] for room in (await house.call("ann", "GET", "/api/rooms")).json()["items"]] == [room_id]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"limit": "many"}, {"cursor": "é"}, {"cursor": "a"}, {"cursor": "c3R1ZmY"},
              {"cursor": "="}, {"cursor": "A" * 5_000}, {"cursor": ""}]
)  # fmt: skip
async def test_a_page_that_cannot_be_is_refused(house: House, query: dict[str, Any]) -> None:
    answer = await house.call("ann", "GET", "/api/rooms", **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_MESSAGE")


@pytest.mark.parametrize(("method", "path", "body"), ON_A_ROOM)
async def test_a_store_that_fails_is_a_503_that_tells_nothing(house: House, method: str, path: str, body: Any) -> None:
    room_id = await house.room_of("ann")
    connection = await house.join(room_id, "Worker-1", "bob")
    house.store.failing = True
    answer = await house.call("ann", method, f"/api/rooms/{room_id}{path}", body)
    assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
    assert "sdz" not in answer.text
    assert connection.closes == []


async def test_a_method_that_a_room_does_not_have_is_a_problem_too(house: House) -> None:
    answer = await house.call("ann", "PUT", "/api/rooms/abcd2345", {})
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")


async def test_a_rotated_token_is_answered_and_those_inside_stay(house: House) -> None:
    room_id = await house.room_of("ann")
    old = (await house.room(room_id)).token
    connection = await house.join(room_id, "Worker-1", "bob")
    answer = await house.call("ann", "POST", f"/api/rooms/{room_id}/rotate-token")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"token"}
    await house.rooms.admit(room_id, answer.json()["token"])
    with pytest.raises(InvalidRoomToken):
        await house.rooms.admit(room_id, old)
    assert connection.closes == []

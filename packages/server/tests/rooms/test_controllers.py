"""The original's two calls about rooms, with the real hub behind them."""

import time
from pathlib import Path
from typing import Any

import pytest

from heliograph_protocol import CloseCode
from heliograph_server.rooms.service import ROOM_TTL_S
from heliograph_server.settings import Settings

from .house import Connection, House, user

REMOVED = {"status": "peer deleted successfully"}
NO_PEER = {"status": "peer not found"}
NO_ROOM = {"status": "room not found"}


async def test_a_room_is_created_for_its_caller(house: House) -> None:
    answer = await house.client.post("/create-room", headers=house.bearer("ann"))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    created = answer.json()
    assert set(created) == {"room_id", "token", "expires_at"}
    assert abs(created["expires_at"] - (time.time() + ROOM_TTL_S)) < 30
    room, invitation = await house.rooms.admit(created["room_id"], created["token"])
    assert (room.owner, invitation) == (user("ann"), None)


@pytest.mark.parametrize("body", [b"{}", b"nonsense"])
async def test_the_body_of_create_room_does_not_matter(house: House, body: bytes) -> None:
    answer = await house.client.post("/create-room", headers=house.bearer("ann"), content=body)
    assert answer.status_code == 200


async def test_a_slash_at_the_end_makes_no_difference(house: House) -> None:
    assert (await house.client.post("/create-room/", headers=house.bearer("ann"))).status_code == 200


@pytest.mark.parametrize("path", ["/create-room", "/delete-peers-and-room"])
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "nonsense"])
async def test_without_a_valid_bearer_there_is_nothing(house: House, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await house.client.post(path, headers=headers, json={"peer_id": "Worker-1"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "INVALID_ID_TOKEN"


async def test_the_scheme_may_be_written_in_any_case(house: House) -> None:
    token = house.identity.mint("ann", 60)
    answer = await house.client.post("/create-room", headers={"Authorization": f"bearer  {token}"})
    assert answer.status_code == 200


async def test_rooms_of_one_address_are_limited(tmp_path: Path) -> None:
    house = House(tmp_path, Settings(signin_limit=2))
    async with house.client as client:
        statuses = [(await client.post("/create-room", headers=house.bearer("ann"))).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_a_store_that_fails_is_a_503_that_tells_nothing(house: House) -> None:
    house.store.failing = True
    answer = await house.client.post("/create-room", headers=house.bearer("ann"))
    assert answer.status_code == 503
    assert answer.json()["code"] == "STORE_UNAVAILABLE"
    assert "sdz" not in answer.text


async def test_the_creator_ends_the_room_and_everyones_stay_in_it(house: House) -> None:
    room_id, other = await house.room_of("ann"), await house.room_of("ann")
    links = [await house.join(room_id, "Worker-1", "bob"), await house.join(room_id, "Client-1", "cid")]
    elsewhere = await house.join(other, "Worker-2", "bob")
    answer = await house.delete("ann", {"peer_id": "Worker-1"})
    assert (answer.status_code, answer.json()) == (200, REMOVED)
    assert [link.closes for link in links] == [[CloseCode.REMOVED]] * 2
    assert elsewhere.closes == []
    assert await house.rooms.find(room_id) is None
    assert await house.rooms.find(other) is not None
    assert not house.hub.occupied(room_id)


async def test_a_peers_own_user_removes_that_peer_alone(house: House) -> None:
    room_id = await house.room_of("ann")
    own, neighbour = await house.join(room_id, "Worker-1", "bob"), await house.join(room_id, "Client-1", "cid")
    assert (await house.delete("bob", {"peer_id": "Worker-1"})).json() == REMOVED
    assert own.closes == [CloseCode.REMOVED]
    assert neighbour.closes == []
    assert house.hub.member(room_id, "Worker-1") is None
    assert await house.rooms.find(room_id) is not None


async def test_with_its_last_peer_the_room_goes_too(house: House) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "Worker-1", "bob")
    assert (await house.delete("bob", {"peer_id": "Worker-1", "room_id": room_id})).json() == REMOVED
    assert await house.rooms.find(room_id) is None


@pytest.mark.parametrize("named", [True, False])
async def test_a_stranger_removes_nothing(house: House, named: bool) -> None:
    room_id = await house.room_of("ann")
    link = await house.join(room_id, "Worker-1", "bob")
    answer = await house.delete("eve", {"peer_id": "Worker-1"} | ({"room_id": room_id} if named else {}))
    assert answer.status_code == 403
    assert answer.json()["code"] == "NOT_PERMITTED"
    assert link.closes == []
    assert await house.rooms.find(room_id) is not None


async def test_of_one_id_in_several_rooms_the_call_means_the_callers(house: House) -> None:
    anns, eves, third = await house.room_of("ann"), await house.room_of("eve"), await house.room_of("dan")
    in_anns, in_eves = await house.join(anns, "Worker-1", "bob"), await house.join(eves, "Worker-1", "bob")
    own = await house.join(third, "Worker-1", "ann")
    assert (await house.delete("ann", {"peer_id": "Worker-1"})).json() == REMOVED
    assert in_anns.closes == own.closes == [CloseCode.REMOVED]
    assert in_eves.closes == []
    assert await house.rooms.find(eves) is not None


async def test_a_room_id_picks_one_of_several(house: House) -> None:
    one, other = await house.room_of("ann"), await house.room_of("ann")
    links = await house.join(one, "Worker-1", "bob"), await house.join(other, "Worker-1", "bob")
    assert (await house.delete("ann", {"peer_id": "Worker-1", "room_id": other})).json() == REMOVED
    assert [link.closes for link in links] == [[], [CloseCode.REMOVED]]


async def test_the_creator_ends_a_named_room_without_such_a_peer_in_it(house: House) -> None:
    room_id = await house.room_of("ann")
    link = await house.join(room_id, "Client-1", "cid")
    assert (await house.delete("ann", {"peer_id": "Worker-1", "room_id": room_id})).json() == NO_PEER
    assert link.closes == [CloseCode.REMOVED]
    assert await house.rooms.find(room_id) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"peer_id": "Worker-9"}, NO_PEER),
        ({"peer_id": "Worker-9", "room_id": None}, NO_PEER),
        ({"peer_id": "Worker-1", "room_id": "zzzzzzzz"}, NO_ROOM),
        ({"peer_id": "Worker-1", "room_id": ""}, NO_ROOM),
        ({"peer_id": "Worker-9", "more": [1]}, NO_PEER),
    ],
)
async def test_what_is_not_there_is_no_error(house: House, body: dict[str, Any], status: dict[str, str]) -> None:
    link = await house.join(await house.room_of("ann"), "Worker-1", "bob")
    answer = await house.delete("ann", body)
    assert (answer.status_code, answer.json()) == (200, status)
    assert link.closes == []


async def test_a_stranger_asking_for_an_absent_peer_of_a_room_ends_nothing(house: House) -> None:
    room_id = await house.room_of("ann")
    assert (await house.delete("eve", {"peer_id": "Worker-9", "room_id": room_id})).json() == NO_PEER
    assert await house.rooms.find(room_id) is not None


async def test_a_peer_whose_room_has_left_the_store_is_still_its_users(house: House) -> None:
    room_id = await house.room_of("ann")
    link = await house.join(room_id, "Worker-1", "bob")
    await house.rooms.delete(room_id)
    assert (await house.delete("eve", {"peer_id": "Worker-1"})).status_code == 403
    assert (await house.delete("bob", {"peer_id": "Worker-1"})).json() == REMOVED
    assert link.closes == [CloseCode.REMOVED]


@pytest.mark.parametrize(
    "body", [{}, {"peer_id": ""}, {"peer_id": None}, {"peer_id": 7}, {"peer_id": ["a"]}, [], "Worker-1", None, 5]
)
async def test_without_a_peer_id_the_request_is_bad(house: House, body: Any) -> None:
    answer = await house.delete("ann", body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "INVALID_MESSAGE"
    assert " " in answer.json()["detail"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"peer_id":"\xff"}', b"[" * 10_000])
async def test_a_body_that_is_no_json_is_bad(house: House, content: bytes) -> None:
    answer = await house.client.post("/delete-peers-and-room", content=content, headers=house.bearer("ann"))
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_MESSAGE"


async def test_a_body_of_the_wrong_content_type_is_read_as_json(house: House) -> None:
    headers = {**house.bearer("ann"), "Content-Type": "text/plain"}
    answer = await house.client.post("/delete-peers-and-room", content=b'{"peer_id":"x"}', headers=headers)
    assert (answer.status_code, answer.json()) == (200, NO_PEER)


async def test_a_body_that_is_too_big_is_not_read(house: House) -> None:
    answer = await house.delete("ann", {"peer_id": "a" * 20_000})
    assert answer.status_code == 413
    assert answer.json()["code"] == "MESSAGE_TOO_BIG"


async def test_nobody_is_put_out_when_the_store_fails(house: House) -> None:
    room_id = await house.room_of("ann")
    link = await house.join(room_id, "Worker-1", "bob")
    house.store.failing = True
    assert (await house.delete("ann", {"peer_id": "Worker-1"})).status_code == 503
    assert link.closes == []


@pytest.mark.parametrize("caller", ["ann", "bob"])
async def test_who_registers_while_the_room_goes_is_put_out_with_it(house: House, caller: str) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "Worker-1", "bob")
    late: list[Connection] = []
    room = await house.room(room_id)
    house.store.on_delete = lambda: late.append(house.let_in(room, "Client-1", "cid"))
    assert (await house.delete(caller, {"peer_id": "Worker-1"})).json() == REMOVED
    assert [link.closes for link in late] == [[CloseCode.REMOVED]]
    assert not house.hub.occupied(room_id)


async def test_the_description_of_the_calls_names_their_problems_and_their_bearer(house: House) -> None:
    paths = house.client.app.openapi_schema.to_schema()["paths"]
    for path in ("/create-room", "/delete-peers-and-room"):
        operation = paths[path]["post"]
        assert operation["security"] == [{"bearer": []}]
        assert set(operation["responses"]) >= {"200", "401", "503"}
        assert list(operation["responses"]["401"]["content"]) == ["application/problem+json"]


async def test_the_original_took_anyones_word(open_house: House) -> None:
    room_id = await open_house.room_of("ann")
    links = [await open_house.join(room_id, "Worker-1", "bob"), await open_house.join(room_id, "Client-1", "cid")]
    answer = await open_house.delete(None, {"peer_id": "Worker-1"})
    assert (answer.status_code, answer.json()) == (200, REMOVED)
    assert [link.closes for link in links] == [[CloseCode.REMOVED]] * 2
    assert await open_house.rooms.find(room_id) is None
    assert (await open_house.delete(None, {"peer_id": "Worker-1"})).json() == NO_PEER
    assert (await open_house.delete(None, {"peer_id": "Worker-1", "room_id": room_id})).json() == NO_ROOM


async def test_the_original_took_the_named_room_alone(open_house: House) -> None:
    one, other = await open_house.room_of("ann"), await open_house.room_of("dan")
    links = await open_house.join(one, "Worker-1", "bob"), await open_house.join(other, "Worker-1", "bob")
    assert (await open_house.delete(None, {"peer_id": "Worker-1", "room_id": other})).json() == REMOVED
    assert [link.closes for link in links] == [[], [CloseCode.REMOVED]]


async def test_creating_a_room_needs_a_user_even_so(open_house: House) -> None:
    assert (await open_house.client.post("/create-room")).status_code == 401

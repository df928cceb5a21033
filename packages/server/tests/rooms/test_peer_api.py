"""The peers of a room over HTTP: who sees whom, and who puts whom out."""

from typing import Any

import pytest

from heliograph_protocol import CloseCode
from heliograph_server.signaling.permissions import ROOM_TOKEN_GRANTS

from .house import House


def ids(page: dict[str, Any]) -> list[str]:
    return [peer["peer_id"] for peer in page["items"]]


@pytest.fixture
async def room_id(house: House) -> str:
    """Ann's room: Bob's workers, a client of Cid's that shares one group with them, Dan in a group of his own."""
    made = await house.room_of("ann")
    await house.join(made, "Worker-2", "bob", role="worker", tags=["gpu"], groups=["training"])
    await house.join(made, "Worker-1", "bob", role="worker", tags=["gpu", "big"], groups=["training", "night"])
    await house.join(made, "Client-1", "cid", role="client", groups=["training"])
    await house.join(made, "Viewer-1", "dan", role="viewer", tags=["big"], groups=["stage"])
    return made


async def test_the_creator_sees_everyone_as_peers_see_them(house: House, room_id: str) -> None:
    answer = await house.call("ann", "GET", f"/api/rooms/{room_id}/peers")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert ids(answer.json()) == ["Client-1", "Viewer-1", "Worker-1", "Worker-2"]
    assert answer.json()["next"] is None
    assert answer.json()["items"][2] == {
        "peer_id": "Worker-1",
        "role": "worker",
        "metadata": {"tags": ["gpu", "big"], "properties": {}},
        "groups": ["night", "training"],
        "connected_at": int(house.clock.now),
        "state": "online",
    }


@pytest.mark.parametrize(
    ("caller", "seen"),
    [
        ("bob", ["Client-1", "Worker-1", "Worker-2"]),
        ("cid", ["Client-1", "Worker-1", "Worker-2"]),
        ("dan", ["Viewer-1"]),
    ],
)
async def test_a_peer_sees_those_who_share_a_group_with_it(
    house: House, room_id: str, caller: str, seen: list[str]
) -> None:
    assert ids((await house.call(caller, "GET", f"/api/rooms/{room_id}/peers")).json()) == seen


async def test_a_user_sees_what_any_of_its_peers_may_discover(house: House, room_id: str) -> None:
    await house.join(room_id, "Client-2", "dan", groups=["night"])
    blind = await house.join(room_id, "Client-3", "dan", groups=["training"], grants=frozenset({"signal"}))
    seen = ids((await house.call("dan", "GET", f"/api/rooms/{room_id}/peers")).json())
    assert seen == ["Client-2", "Client-3", "Viewer-1", "Worker-1"]
    assert not blind.closed


async def test_without_the_grant_to_discover_there_is_nothing_to_see(house: House, room_id: str) -> None:
    await house.join(room_id, "Client-2", "eve", groups=["training"], grants=ROOM_TOKEN_GRANTS - {"discover"})
    answer = await house.call("eve", "GET", f"/api/rooms/{room_id}/peers")
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_PERMITTED")
    assert "Worker" not in answer.text


async def test_a_peer_that_manages_sees_everyone(house: House, room_id: str) -> None:
    await house.join(room_id, "Manager-1", "mia", groups=["office"], grants=frozenset({"manage"}))
    page = (await house.call("mia", "GET", f"/api/rooms/{room_id}/peers")).json()
    assert ids(page) == ["Client-1", "Manager-1", "Viewer-1", "Worker-1", "Worker-2"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"role": "worker"}, ["Worker-1", "Worker-2"]),
        ({"role": ["client", "viewer"]}, ["Client-1", "Viewer-1"]),
        ({"tag": "big"}, ["Viewer-1", "Worker-1"]),
        ({"tag": ["big", "gpu"]}, ["Viewer-1", "Worker-1", "Worker-2"]),
        ({"role": "worker", "tag": "big"}, ["Worker-1"]),
        ({"role": "nobody"}, []),
        ({"role": ""}, []),
        ({"tag": "GPU"}, []),
    ],
)
async def test_peers_are_found_by_role_and_tag(
    house: House, room_id: str, query: dict[str, Any], found: list[str]
) -> None:
    assert ids((await house.call("ann", "GET", f"/api/rooms/{room_id}/peers", **query)).json()) == found


@pytest.mark.parametrize(("query", "pages"), [({}, 4), ({"role": "worker"}, 2)])
async def test_peers_come_page_by_page(house: House, room_id: str, query: dict[str, Any], pages: int) -> None:
    everyone = ids((await house.call("ann", "GET", f"/api/rooms/{room_id}/peers", **query)).json())
    seen: list[str] = []
    for number in range(pages):
        page = (await house.call("ann", "GET", f"/api/rooms/{room_id}/peers", limit=1, **query)).json()
        seen += ids(page)
        assert (page["next"] is None) == (number == pages - 1)
        query = query | {"cursor": page["next"]}
    assert seen == everyone


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1001}, {"cursor": "nonsense"}, {"role": ["a"] * 33}, {"tag": ["a"] * 33}]
)
async def test_what_cannot_be_asked_is_refused(house: House, room_id: str, query: dict[str, Any]) -> None:
    answer = await house.call("ann", "GET", f"/api/rooms/{room_id}/peers", **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_MESSAGE")


async def test_a_cursor_of_another_list_is_refused(house: House, room_id: str) -> None:
    await house.room_of("ann")
    cursor = (await house.call("ann", "GET", "/api/rooms", limit=1)).json()["next"]
    assert (await house.call("ann", "GET", f"/api/rooms/{room_id}/peers", cursor=cursor)).status_code == 400


async def test_a_peer_is_put_out_alone(house: House, room_id: str) -> None:
    connection = await house.join(room_id, "Client-2", "eve")
    answer = await house.call("ann", "DELETE", f"/api/rooms/{room_id}/peers/Client-2")
    assert (answer.status_code, answer.content) == (204, b"")
    assert connection.closes == [CloseCode.REMOVED]
    assert len(house.hub.members(room_id)) == 4
    again = await house.call("ann", "DELETE", f"/api/rooms/{room_id}/peers/Client-2")
    assert (again.status_code, again.json()["code"]) == (404, "PEER_NOT_FOUND")


async def test_with_its_last_peer_the_room_stays(house: House) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "a:b@c.d_e-F", "bob")
    assert (await house.call("ann", "DELETE", f"/api/rooms/{room_id}/peers/a:b@c.d_e-F")).status_code == 204
    assert (await house.call("ann", "GET", f"/api/rooms/{room_id}")).json()["peer_count"] == 0


async def test_a_peer_of_another_room_is_out_of_reach(house: House, room_id: str) -> None:
    other = await house.room_of("bob")
    connection = await house.join(other, "Client-9", "eve")
    assert (await house.call("ann", "DELETE", f"/api/rooms/{room_id}/peers/Client-9")).status_code == 404
    assert connection.closes == []

"""Identity is told of those who leave, and of the owner of a room that is no more."""

import pytest

from .house import House, user


def names(house: House) -> list[str]:
    return sorted(gone.subject for gone in house.gone)


async def test_who_is_removed_alone_is_gone_alone(house: House) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "Worker-1", "bob")
    await house.join(room_id, "Client-1", "cid")
    await house.delete("bob", {"peer_id": "Worker-1"})
    assert house.gone == [user("bob")]


@pytest.mark.parametrize("named", [True, False])
async def test_with_a_room_its_owner_and_everyone_in_it_are_gone(house: House, named: bool) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "Worker-1", "bob")
    await house.join(room_id, "Client-1", "cid")
    await house.delete("ann", {"peer_id": "Worker-1"} | ({"room_id": room_id} if named else {}))
    assert names(house) == ["ann", "bob", "cid"]


async def test_with_the_last_peer_the_rooms_owner_is_gone_too(house: House) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "Worker-1", "bob")
    await house.delete("bob", {"peer_id": "Worker-1"})
    assert names(house) == ["ann", "bob"]


async def test_the_owner_of_an_empty_room_that_is_closed_is_gone(house: House) -> None:
    room_id = await house.room_of("ann")
    await house.call("ann", "DELETE", f"/api/rooms/{room_id}")
    assert house.gone == [user("ann")]


async def test_who_may_not_remove_a_room_causes_nobody_to_be_gone(house: House) -> None:
    room_id = await house.room_of("ann")
    await house.join(room_id, "Worker-1", "bob")
    assert (await house.delete("eve", {"peer_id": "Worker-1"})).status_code == 403
    assert (await house.call("eve", "DELETE", f"/api/rooms/{room_id}")).status_code == 404
    assert house.gone == []


async def test_when_anyone_may_remove_a_room_all_are_gone_as_well(open_house: House) -> None:
    room_id = await open_house.room_of("ann")
    await open_house.join(room_id, "Worker-1", "bob")
    await open_house.delete(None, {"peer_id": "Worker-1"})
    assert names(open_house) == ["ann", "bob"]

"""The HTTP endpoints of a real server, through `Api`."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

import heliograph
from heliograph import ApiError

MORE_THAN_A_PAGE = 53


async def listed(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


async def status_of(call: Any) -> int:
    """The status with which a call is refused."""
    with pytest.raises(ApiError) as caught:
        await call
    return caught.value.status


async def test_everybody_who_signs_in_is_somebody_else(server: Any) -> None:
    async with heliograph.Api(server.url) as api:
        one, other = await api.sign_in(), await api.sign_in()
    assert one.username != other.username
    assert one.id_token not in repr(one)


async def test_a_plain_room(owner: Any) -> None:
    details = await owner.api.room(owner.room.room_id, id_token=owner.id_token)
    assert (details.room_id, details.token) == (owner.room.room_id, owner.room.token)
    assert details.expires_at == owner.room.expires_at == details.created_at + 7200
    assert (details.name, details.policy, details.max_peers, details.peer_count) == (None, None, 1000, 0)
    assert owner.room.token not in repr(owner.room) + repr(details)


async def test_a_room_with_all_that_may_be_said_of_it(owner: Any) -> None:
    policy = {"signal": {"client": ["worker"]}}
    room = await owner.api.create_room(id_token=owner.id_token, name="run 7", ttl_s=600, max_peers=3, policy=policy)
    details = await owner.api.room(room.room_id, id_token=owner.id_token)
    assert (details.name, details.max_peers, details.policy) == ("run 7", 3, policy)
    assert details.expires_at == room.expires_at == details.created_at + 600


async def test_making_a_room_in_one_call(server: Any) -> None:
    async with heliograph.Api(server.url) as api:
        id_token = (await api.sign_in()).id_token
        room = await heliograph.create_room(server.url, id_token=id_token, name="short", ttl_s=60)
        assert (await api.room(room.room_id, id_token=id_token)).name == "short"
    assert room.expires_at <= time.time() + 61
    anybodys = await heliograph.create_room(server.url, max_peers=1)
    async with heliograph.connect(server.url, room=anybodys.room_id, token=anybodys.token):
        with pytest.raises(heliograph.RoomFull):
            async with heliograph.connect(server.url, room=anybodys.room_id, token=anybodys.token):
                pytest.fail("it holds one")


async def test_rooms_come_newest_first_over_all_pages(owner: Any) -> None:
    made = [owner.room.room_id]
    made += [(await owner.api.create_room(id_token=owner.id_token)).room_id for _ in range(MORE_THAN_A_PAGE)]
    rooms = await listed(owner.api.rooms(id_token=owner.id_token))
    assert len(rooms) == len(made)
    assert {room.room_id for room in rooms} == set(made)
    assert [room.created_at for room in rooms] == sorted((room.created_at for room in rooms), reverse=True)
    assert all(room.token for room in rooms)
    stranger = (await owner.api.sign_in()).id_token
    assert await listed(owner.api.rooms(id_token=stranger)) == []


async def test_what_is_left_out_of_an_update_stays(owner: Any) -> None:
    policy = {"signal": {"client": ["worker"]}}
    room_id, mine = owner.room.room_id, {"id_token": owner.id_token}
    changed = await owner.api.update_room(room_id, **mine, name="n", ttl_s=100, max_peers=5, policy=policy)
    assert (changed.name, changed.max_peers, changed.policy) == ("n", 5, policy)
    assert changed.expires_at < owner.room.expires_at
    assert await owner.api.update_room(room_id, **mine) == changed
    renamed = await owner.api.update_room(room_id, **mine, name=None)
    assert (renamed.name, renamed.max_peers, renamed.policy) == (None, 5, policy)
    opened = await owner.api.update_room(room_id, **mine, policy=None)
    assert (opened.policy, opened.max_peers, opened.expires_at) == (None, 5, changed.expires_at)
    extended = await owner.api.update_room(room_id, **mine, ttl_s=86_400)
    assert extended.expires_at > owner.room.expires_at


async def test_a_peer_sees_its_room_without_the_token(owner: Any) -> None:
    guest = (await owner.api.sign_in()).id_token
    async with heliograph.connect(**owner.where, id_token=guest):
        details = await owner.api.room(owner.room.room_id, id_token=guest)
    assert (details.peer_count, details.token) == (1, None)


async def test_the_peers_in_a_room(owner: Any) -> None:
    room_id, mine = owner.room.room_id, {"id_token": owner.id_token}
    async with (
        heliograph.Worker(**owner.where, peer_id="W1", tags=["gpu"]),
        heliograph.Worker(**owner.where, peer_id="W2", tags=["cpu"]),
        heliograph.connect(**owner.where, peer_id="C", groups="elsewhere"),
    ):

        async def found(**filters: Any) -> list[str]:
            return [peer.peer_id for peer in await listed(owner.api.peers(room_id, **mine, **filters))]

        assert await found() == ["C", "W1", "W2"]
        assert await found(role="worker") == ["W1", "W2"]
        assert await found(tags="gpu") == ["W1"]
        assert await found(role=["worker", "client"], tags=("gpu", "cpu")) == ["W1", "W2"]
        assert await found(role="boss") == []


async def test_putting_a_peer_out(owner: Any) -> None:
    room_id, mine = owner.room.room_id, {"id_token": owner.id_token}
    name = "Ann:1@home"
    async with heliograph.connect(**owner.where, peer_id=name) as ann:
        await owner.api.remove_peer(room_id, name, **mine)
        with pytest.raises(heliograph.Removed):
            await ann.accept()
    assert await status_of(owner.api.remove_peer(room_id, name, **mine)) == 404
    assert await status_of(owner.api.remove_peer(room_id, "../peers", **mine)) == 404


@pytest.mark.parametrize("name", [".", ".."])
async def test_a_peer_whose_name_is_a_path_does_not_lead_elsewhere(owner: Any, name: str) -> None:
    async with heliograph.connect(**owner.where, peer_id=name):
        with pytest.raises(heliograph.ConfigurationError, match="address"):
            await owner.api.remove_peer(owner.room.room_id, name, id_token=owner.id_token)
        assert (await owner.api.room(owner.room.room_id, id_token=owner.id_token)).peer_count == 1


async def test_a_join_token_has_an_end(owner: Any) -> None:
    mine = {"id_token": owner.id_token}
    unlimited = await owner.api.mint_token(owner.room.room_id, **mine)
    short = await owner.api.mint_token(owner.room.room_id, **mine, ttl_s=60, groups="night", grants="discover")
    assert unlimited.expires_at == owner.room.expires_at
    assert short.expires_at <= time.time() + 61
    assert short.token not in repr(short)
    async with heliograph.connect(**{**owner.where, "token": short.token}, peer_id="Ann") as ann:
        assert ann.grants == {"discover"}
        [peer] = await listed(owner.api.peers(owner.room.room_id, **mine))
        assert peer.groups == ["night"]


async def test_rotating_the_token(owner: Any) -> None:
    token = await owner.api.rotate_token(owner.room.room_id, id_token=owner.id_token)
    assert token != owner.room.token
    assert (await owner.api.room(owner.room.room_id, id_token=owner.id_token)).token == token


async def test_closing_a_room(owner: Any) -> None:
    await owner.api.close_room(owner.room.room_id, id_token=owner.id_token)
    assert await status_of(owner.api.room(owner.room.room_id, id_token=owner.id_token)) == 404
    assert await status_of(owner.api.close_room(owner.room.room_id, id_token=owner.id_token)) == 404


async def test_there_are_no_ice_servers_by_default(owner: Any) -> None:
    found = await owner.api.ice_servers(id_token=owner.id_token)
    assert (found.ice_servers, found.ttl_s) == ([], 3600)


async def test_ice_servers_with_credentials(server_with: Any) -> None:
    environment = {
        "HELIOGRAPH_STUN_URLS": "stun:one.example.org",
        "HELIOGRAPH_TURN_URLS": "turn:two.example.org,turns:three.example.org",
        "HELIOGRAPH_TURN_SECRET": "shared",
        "HELIOGRAPH_TURN_TTL_S": "60",
    }
    async with server_with(**environment) as server, heliograph.Api(server.url) as api:
        found = await api.ice_servers(id_token=(await api.sign_in()).id_token)
    stun, turn = (heliograph.IceServer.of(each) for each in found.ice_servers)
    assert (found.ttl_s, stun.urls) == (60, ("stun:one.example.org",))
    assert turn.urls == ("turn:two.example.org", "turns:three.example.org")
    assert turn.username
    assert turn.credential


async def test_what_only_the_creator_may_do_is_refused_to_a_peer(owner: Any) -> None:
    room_id, guest = owner.room.room_id, {"id_token": (await owner.api.sign_in()).id_token}
    async with heliograph.connect(**owner.where, **guest, peer_id="Ann"):
        for call in (
            owner.api.update_room(room_id, **guest, name="mine"),
            owner.api.close_room(room_id, **guest),
            owner.api.remove_peer(room_id, "Ann", **guest),
            owner.api.mint_token(room_id, **guest),
            owner.api.rotate_token(room_id, **guest),
        ):
            assert await status_of(call) == 403


async def test_a_room_of_others_is_no_room(owner: Any) -> None:
    room_id, stranger = owner.room.room_id, {"id_token": (await owner.api.sign_in()).id_token}
    for call in (
        owner.api.room(room_id, **stranger),
        owner.api.update_room(room_id, **stranger, name="mine"),
        owner.api.close_room(room_id, **stranger),
        owner.api.mint_token(room_id, **stranger),
        owner.api.rotate_token(room_id, **stranger),
        listed(owner.api.peers(room_id, **stranger)),
        owner.api.room("zzzzzzzz", id_token=owner.id_token),
    ):
        assert await status_of(call) == 404


async def test_nothing_is_done_for_nobody(owner: Any) -> None:
    room_id, nobody = owner.room.room_id, {"id_token": "no.jwt.here"}
    for call in (
        owner.api.create_room(**nobody),
        owner.api.create_room(**nobody, name="mine"),
        listed(owner.api.rooms(**nobody)),
        owner.api.room(room_id, **nobody),
        owner.api.close_room(room_id, **nobody),
        owner.api.ice_servers(**nobody),
        owner.api.delete_peers_and_room("Ann", **nobody),
    ):
        assert await status_of(call) == 401


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ttl_s": 1}, "ttl_s"),
        ({"max_peers": 0}, "max_peers"),
        ({"name": ""}, "name"),
        ({"policy": {"x": {}}}, "policy"),
    ],
)
async def test_what_makes_no_sense_is_named(owner: Any, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ApiError, match=words) as caught:
        await owner.api.create_room(id_token=owner.id_token, **wrong)
    assert caught.value.status == 400


async def test_the_original_way_to_delete(owner: Any) -> None:
    guest = (await owner.api.sign_in()).id_token
    room_id = owner.room.room_id
    async with (
        heliograph.connect(**owner.where, peer_id="Ann"),
        heliograph.connect(**owner.where, peer_id="Bob", id_token=guest),
    ):
        delete = owner.api.delete_peers_and_room
        assert await delete("Eve", id_token=guest) == "peer not found"
        assert await status_of(delete("Ann", id_token=guest, room_id=room_id)) == 403
        assert await delete("Bob", id_token=guest, room_id=room_id) == "peer deleted successfully"
        assert await delete("Ann", id_token=owner.id_token, room_id=room_id) == "peer deleted successfully"
        assert await delete("Ann", id_token=owner.id_token, room_id=room_id) == "room not found"

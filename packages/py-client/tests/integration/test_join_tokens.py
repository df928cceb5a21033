"""What the creator of a room decides about those who come in: join tokens, grants, policy."""

from typing import Any

import pytest

import heliograph
from heliograph import Undelivered

from .events import next_of

ROOM_TOKEN_GRANTS = {"discover", "signal", "message", "broadcast", "claim"}


async def minted(owner: Any, **pins: Any) -> dict[str, Any]:
    """The way in with a join token."""
    token = await owner.api.mint_token(owner.room.room_id, id_token=owner.id_token, **pins)
    return {**owner.where, "token": token.token}


async def test_the_rooms_token_gives_all_but_managing(owner: Any) -> None:
    async with heliograph.connect(**owner.where) as guest:
        assert guest.grants == ROOM_TOKEN_GRANTS
        assert guest.expires_at == owner.room.expires_at
    async with heliograph.connect(**owner.where, id_token=owner.id_token) as creator:
        assert creator.grants == ROOM_TOKEN_GRANTS | {"manage"}


async def test_there_are_no_grants_before_the_first_registration(owner: Any) -> None:
    worker = heliograph.Worker(**owner.where)
    assert (worker.grants, worker.expires_at, dict(worker.roster)) == (frozenset(), None, {})
    async with worker:
        assert worker.grants == ROOM_TOKEN_GRANTS


async def test_a_token_for_anyone(owner: Any) -> None:
    async with heliograph.connect(**await minted(owner), peer_id="Ann", role="boss", groups="training") as ann:
        assert ann.grants == ROOM_TOKEN_GRANTS
        assert await ann.set_groups("default") == ["default"]


async def test_a_pinned_role(owner: Any) -> None:
    where = await minted(owner, role="worker")
    async with heliograph.Worker(**where, peer_id="W"), heliograph.connect(**owner.where) as session:
        assert [peer.peer_id for peer in await session.discover(role="worker")] == ["W"]
    with pytest.raises(heliograph.InvalidRoomToken, match="role"):
        async with heliograph.connect(**where):
            pytest.fail("a client is no worker")


async def test_a_pinned_peer_id(owner: Any) -> None:
    where = await minted(owner, peer_id="Ann")
    with pytest.raises(heliograph.InvalidRoomToken, match="peer id"):
        async with heliograph.connect(**where, peer_id="Eve"):
            pytest.fail("Eve is not Ann")
    async with heliograph.connect(**where, peer_id="Ann") as ann:
        assert ann.peer_id == "Ann"


async def test_pinned_groups(owner: Any) -> None:
    where = await minted(owner, groups=["training", "night"])
    with pytest.raises(heliograph.InvalidRoomToken, match="groups"):
        async with heliograph.connect(**where, groups=["default"]):
            pytest.fail("those are not the groups")
    async with heliograph.connect(**where) as ann, heliograph.connect(**owner.where, groups="night") as bob:
        assert ann.peer_id in bob.roster
        with pytest.raises(heliograph.NotPermitted, match="groups"):
            await ann.set_groups("default")
        assert await ann.set_groups("night", "training") == ["night", "training"]


async def test_only_some_grants(owner: Any) -> None:
    where = await minted(owner, grants=["discover"])
    async with heliograph.Worker(**owner.where, peer_id="W"), heliograph.connect(**where) as ann:
        assert ann.grants == {"discover"}
        assert await ann.peers() == ["W"]
        with pytest.raises(heliograph.NotPermitted, match="signal"):
            await ann.connect("W")
        await ann.message("W", "psst")
        assert isinstance((await next_of(Undelivered, ann.events())).error, heliograph.NotPermitted)


async def test_who_may_not_discover_sees_nobody_and_hears_no_news(owner: Any) -> None:
    where = await minted(owner, grants=["message"])
    async with heliograph.connect(**where, peer_id="Ann") as ann, heliograph.connect(**owner.where) as bob:
        await bob.message("Ann", "hello", ack=True)
        async for event in ann.events():
            if isinstance(event, heliograph.PeerMessage):
                break
            assert isinstance(event, heliograph.Registered)
            assert event.peers == ()
        assert len(ann.roster) == 0


async def test_a_peer_with_the_manage_grant_manages(owner: Any) -> None:
    deputy = (await owner.api.sign_in()).id_token
    room_id = owner.room.room_id
    async with heliograph.connect(**await minted(owner, grants=["manage"]), id_token=deputy) as session:
        assert session.grants == {"manage"}
        assert (await owner.api.update_room(room_id, id_token=deputy, name="ours")).name == "ours"
    with pytest.raises(heliograph.ApiError) as caught:
        await owner.api.update_room(room_id, id_token=deputy, name="mine")
    assert caught.value.status == 404


@pytest.mark.parametrize("ending", ["rotated", "forged", "other room"])
async def test_a_token_that_opens_nothing(owner: Any, ending: str) -> None:
    where = await minted(owner)
    if ending == "rotated":
        await owner.api.rotate_token(owner.room.room_id, id_token=owner.id_token)
    elif ending == "forged":
        where["token"] = where["token"][:-8] + "AAAAAAAA"
    else:
        where["room"] = (await owner.api.create_room(id_token=owner.id_token)).room_id
    with pytest.raises(heliograph.InvalidRoomToken):
        async with heliograph.connect(**where):
            pytest.fail("it let us in")


async def test_rotating_the_token_puts_nobody_out(owner: Any) -> None:
    async with heliograph.connect(**owner.where) as inside:
        token = await owner.api.rotate_token(owner.room.room_id, id_token=owner.id_token)
        with pytest.raises(heliograph.InvalidRoomToken):
            async with heliograph.connect(**owner.where):
                pytest.fail("the old token still opens the room")
        async with heliograph.connect(**{**owner.where, "token": token}) as newcomer:
            assert await newcomer.peers() == [inside.peer_id]


async def test_a_policy_says_who_may_call_whom(owner: Any, make_echo_worker: Any) -> None:
    policy = {"signal": {"client": ["worker"]}}
    room = await owner.api.create_room(id_token=owner.id_token, policy=policy, name="strict")
    where: dict[str, Any] = {**owner.where, "room": room.room_id, "token": room.token}
    async with (
        make_echo_worker(owner.where["url"], room),
        heliograph.connect(**where, peer_id="Ann") as ann,
        heliograph.connect(**where, peer_id="Bob", role="spectator") as bob,
    ):
        async with await ann.connect("Worker-1") as connection:
            await connection.channel("chat").send("a client may call a worker")
            assert await connection.channel("chat").receive() == "a client may call a worker"
        for caller, called in ((ann, "Bob"), (bob, "Ann"), (bob, "Worker-1")):
            with pytest.raises(heliograph.NotPermitted, match="may not send offer"):
                await caller.connect(called)
        assert await bob.message("Ann", "messages are not signals", ack=True) == "delivered"


async def test_a_full_and_a_missing_room(owner: Any) -> None:
    await owner.api.update_room(owner.room.room_id, id_token=owner.id_token, max_peers=1)
    async with heliograph.connect(**owner.where):
        with pytest.raises(heliograph.RoomFull):
            async with heliograph.connect(**owner.where):
                pytest.fail("it holds one")
    await owner.api.close_room(owner.room.room_id, id_token=owner.id_token)
    with pytest.raises(heliograph.RoomNotFound):
        async with heliograph.connect(**owner.where):
            pytest.fail("it is closed")

"""Messages through the server, and what becomes of them."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

import heliograph
from heliograph import Disconnected, PeerAway, PeerJoined, PeerMessage, Undelivered

from .events import heard, next_of
from .raw_peer import raw_peer


class Pair(NamedTuple):
    """Two in one room."""

    ann: heliograph.Session
    bob: heliograph.Session


@pytest.fixture
async def pair(where: dict[str, Any]) -> AsyncIterator[Pair]:
    async with heliograph.connect(**where, peer_id="Ann") as ann, heliograph.connect(**where, peer_id="Bob") as bob:
        yield Pair(ann, bob)


@pytest.mark.parametrize(
    "payload", [None, True, 7, "häh? \N{PARTY POPPER}", ["a", {"b": [None, 1.5]}], {"type": "offer"}, {}]
)
async def test_a_payload_is_any_json(pair: Pair, payload: Any) -> None:
    assert await pair.ann.message("Bob", payload, ack=True) == "delivered"
    message = await next_of(PeerMessage, pair.bob.events())
    assert (message.from_peer_id, message.to_peer_id, message.payload) == ("Ann", "Bob", payload)


async def test_what_is_no_json_is_refused_here(pair: Pair) -> None:
    with pytest.raises(TypeError):
        await pair.ann.message("Bob", object())
    assert await pair.ann.message("Bob", "still here", ack=True) == "delivered"


async def test_without_ack_nobody_waits_and_the_order_is_kept(pair: Pair) -> None:
    for number in range(50):
        await pair.ann.message("Bob", number)
    events = pair.bob.events()
    assert [(await next_of(PeerMessage, events)).payload for _ in range(50)] == list(range(50))


async def test_nobody_of_that_name(pair: Pair) -> None:
    with pytest.raises(heliograph.PeerNotFound, match="Eve"):
        await pair.ann.message("Eve", "hello", ack=True)
    await pair.ann.message("Eve", "hello?")
    undelivered = await next_of(Undelivered, pair.ann.events())
    assert (undelivered.to, undelivered.message.payload) == ("Eve", "hello?")
    assert isinstance(undelivered.error, heliograph.PeerNotFound)


async def test_a_broadcast_goes_to_everyone_else_in_the_group(where: dict[str, Any], pair: Pair) -> None:
    training: dict[str, Any] = {**where, "groups": ["training"]}
    async with heliograph.connect(**training, peer_id="Cid") as cid, heliograph.connect(**training) as dan:
        await pair.bob.set_groups("default", "training")
        assert await pair.bob.broadcast("training", "to your posts", ack=True) == "delivered"
        await pair.bob.broadcast("default", "as you were")
        for member in (cid, dan):
            message = await next_of(PeerMessage, member.events())
            assert (message.from_peer_id, message.to_group, message.payload) == ("Bob", "training", "to your posts")
        assert (await next_of(PeerMessage, pair.ann.events())).payload == "as you were"
        await cid.message("Bob", "done", ack=True)
        passed = await heard(pair.bob.events(), until=PeerMessage)
        assert [event.payload for event in passed if isinstance(event, PeerMessage)] == ["done"]


async def test_a_broadcast_to_a_group_of_others(pair: Pair) -> None:
    with pytest.raises(heliograph.NotPermitted, match="training"):
        await pair.ann.broadcast("training", "hello", ack=True)
    await pair.ann.broadcast("training", "hello?")
    undelivered = await next_of(Undelivered, pair.ann.events())
    assert (undelivered.to, undelivered.message.payload) == ("training", "hello?")
    assert isinstance(undelivered.error, heliograph.NotPermitted)


async def test_a_message_that_is_too_big_stays_here(pair: Pair) -> None:
    events = pair.ann.events()
    for ack in (True, False):
        with pytest.raises(heliograph.MessageTooBig, match="65,536"):
            await pair.ann.message("Bob", "x" * 65_536, ack=ack)
    assert await pair.ann.message("Bob", "x" * 65_400, ack=True) == "delivered"
    await pair.bob.message("Ann", "thank you")
    assert not [event for event in await heard(events, until=PeerMessage) if isinstance(event, Disconnected)]


async def test_mail_waits_for_a_peer_that_is_away(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where, peer_id="Ann") as ann:
        events = ann.events()
        async with raw_peer("Bob", **where, protocol=2) as bob:
            bob.vanish()
        await next_of(PeerAway, events)
        assert await ann.message("Bob", "when you are back", ack=True) == "buffered"
        await ann.message("Bob", "no hurry")
        await ann.peers()
        session = bob.reply["session"]
        proof = {"session_id": session["session_id"], "secret": session["secret"], "received": 0}
        async with raw_peer("Bob", **where, protocol=2, id_token=bob.id_token, resume=proof) as bob:
            assert [(await bob.hear())["payload"] for _ in range(2)] == ["when you are back", "no hurry"]
            await bob.say(type="received", count=2)
            await bob.say(type="peer_message", to_peer_id="Ann", payload="got it")
            passed = await heard(events, until=PeerMessage)
        assert not [event for event in passed if isinstance(event, Undelivered)]


async def test_mail_that_nobody_fetched_comes_back(server_with: Any) -> None:
    async with server_with("--resume-window-s", "1") as server:
        room = await heliograph.create_room(server.url)
        where: dict[str, Any] = {"url": server.url, "room": room.room_id, "token": room.token}
        async with heliograph.connect(**where, peer_id="Ann") as ann, raw_peer("Bob", **where, protocol=2) as bob:
            events = ann.events()
            bob.vanish()
            await next_of(PeerAway, events)
            assert await ann.message("Bob", 1, ack=True) == "buffered"
            await ann.message("Bob", 2)
            for payload in (1, 2):
                undelivered = await next_of(Undelivered, events)
                assert (undelivered.to, undelivered.message.payload) == ("Bob", payload)
                assert isinstance(undelivered.error, heliograph.PeerNotFound)


async def test_an_away_peer_gets_only_so_much_mail(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where, peer_id="Ann") as ann, raw_peer("Bob", **where, protocol=2) as bob:
        events = ann.events()
        bob.vanish()
        await next_of(PeerAway, events)
        buffered = 0
        with pytest.raises(heliograph.PeerAwayBufferFull):  # noqa: PT012 - after the first few
            for _ in range(100):
                assert await ann.message("Bob", "x" * 50_000, ack=True) == "buffered"
                buffered += 1
        assert buffered >= 10
        await ann.message("Bob", "x" * 50_000)
        undelivered = await next_of(Undelivered, events)
        assert isinstance(undelivered.error, heliograph.PeerAwayBufferFull)


@pytest.mark.parametrize(
    ("grants", "refused"),
    [
        (["message"], "broadcast"),
        (["broadcast"], "message"),
    ],
)
async def test_messages_need_their_grants(owner: Any, grants: list[str], refused: str) -> None:
    token = await owner.api.mint_token(owner.room.room_id, id_token=owner.id_token, grants=grants)
    async with (
        heliograph.connect(**owner.where, peer_id="Bob") as bob,
        heliograph.connect(**{**owner.where, "token": token.token}) as ann,
    ):
        calls = {"message": ann.message("Bob", 7, ack=True), "broadcast": ann.broadcast("default", 7, ack=True)}
        with pytest.raises(heliograph.NotPermitted, match=refused):
            await calls.pop(refused)
        [permitted] = calls.values()
        assert await permitted == "delivered"
        assert (await next_of(PeerJoined, bob.events())).peer.peer_id == ann.peer_id

"""Finding others by what they say of themselves."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

import heliograph

from .events import next_of
from .raw_peer import raw_peer

CROWD: dict[str, dict[str, Any]] = {
    "Big": {
        "role": "worker",
        "tags": ["gpu", "train"],
        "properties": {"gpu_memory_mb": 81920, "model": "h100", "status": "available", "zones": ["a", "b"]},
        "groups": ["default", "training"],
    },
    "Small": {
        "role": "worker",
        "tags": ["gpu"],
        "properties": {"gpu_memory_mb": 8192, "model": "l4", "status": "busy", "spot": True},
    },
    "Plain": {"role": "worker", "properties": {"cores": 64, "gpu_memory_mb": "none", "state": "tidy", "$price": 3}},
    "Ann": {"role": "client", "groups": ["default", "guests"]},
}


@pytest.fixture(scope="module")
async def crowded(server: Any) -> AsyncIterator[heliograph.Session]:
    """A session in a room with many others."""
    room = await heliograph.create_room(server.url)
    where: dict[str, Any] = {"url": server.url, "room": room.room_id, "token": room.token}
    async with AsyncExitStack() as stack:
        for peer_id, options in CROWD.items():
            await stack.enter_async_context(heliograph.connect(**where, peer_id=peer_id, **options))
        yield await stack.enter_async_context(
            heliograph.connect(**where, peer_id="Me", groups=["default", "training", "guests"])
        )


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, "Ann Big Plain Small"),
        ({"role": "worker"}, "Big Plain Small"),
        ({"role": ["client", "boss"]}, "Ann"),
        ({"role": []}, ""),
        ({"tags": ["gpu"]}, "Big Small"),
        ({"tags": "gpu"}, "Big Small"),
        pytest.param({"tags": {"train", "tpu"}}, "Big", id="a set of tags"),
        ({"all_tags": ["gpu", "train"]}, "Big"),
        ({"all_tags": ("gpu", "tpu")}, ""),
        ({"groups": ["training", "guests"]}, "Ann Big"),
        ({"groups": "training"}, "Big"),
        ({"groups": ["elsewhere"]}, ""),
        ({"state": "online"}, "Ann Big Plain Small"),
        ({"state": ["away"]}, ""),
        ({"status": "available"}, "Big"),
        ({"status": None}, ""),
        ({"spot": True}, "Small"),
        ({"spot": 1}, ""),
        ({"zones": ["a", "b"]}, "Big"),
        ({"status": {"$eq": "busy"}}, "Small"),
        ({"status": {"$ne": "busy"}}, "Ann Big Plain"),
        ({"gpu_memory_mb": {"$gt": 8192}}, "Big"),
        ({"gpu_memory_mb": {"$gte": 8192}}, "Big Small"),
        ({"gpu_memory_mb": {"$lt": 81920.0}}, "Small"),
        ({"gpu_memory_mb": {"$lte": 81920, "$gt": 8192}}, "Big"),
        ({"model": {"$in": ["l4", "t4"]}}, "Small"),
        ({"role": "worker", "model": {"$nin": ["l4", "t4"]}}, "Big Plain"),
        ({"cores": {"$exists": True}}, "Plain"),
        ({"role": "worker", "cores": {"$exists": False}}, "Big Small"),
        ({"role": "worker", "tags": ["gpu"], "gpu_memory_mb": {"$gte": 8192}, "status": "available"}, "Big"),
        ({"properties": {"state": "tidy"}}, "Plain"),
        ({"properties": {"$price": {"$lt": 5}}}, "Plain"),
        ({"properties": {"model": "h100"}, "status": "available"}, "Big"),
        ({"properties": {"model": "h100"}, "model": "l4"}, "Small"),
        ({"properties": {}}, "Ann Big Plain Small"),
    ],
    ids=str,
)
async def test_every_kind_of_filter(crowded: heliograph.Session, filters: dict[str, Any], found: str) -> None:
    assert sorted(peer.peer_id for peer in await crowded.discover(**filters)) == found.split()


async def test_a_peer_has_all_that_it_said_of_itself(crowded: heliograph.Session) -> None:
    [big] = await crowded.discover(model="h100")
    assert (big.role, big.metadata.tags, big.groups) == ("worker", ["gpu", "train"], ["default", "training"])
    assert big.metadata.properties == CROWD["Big"]["properties"]
    assert (big.state, big.claimed_by) == ("online", [])
    assert big.connected_at > 1_700_000_000
    assert crowded.roster["Big"] == big


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"$near": 7}, r"\$near"),
        ({"$in": "h100"}, r"\$in takes a list"),
        ({"$exists": "yes"}, r"\$exists takes true or false"),
        ({"$gt": 1, "lt": 5}, "mixes operators and values"),
    ],
)
async def test_a_filter_that_is_none_is_named(
    crowded: heliograph.Session, condition: dict[str, Any], words: str
) -> None:
    with pytest.raises(heliograph.InvalidMessage, match=words):
        await crowded.discover(model=condition)
    assert len(await crowded.discover()) == len(CROWD)


@pytest.mark.parametrize(("name", "right"), [("tag", "tags"), ("wait", "wait_s"), ("peer_id", "roster")])
async def test_a_keyword_that_is_hardly_meant_as_a_property(crowded: heliograph.Session, name: str, right: str) -> None:
    wrong: dict[str, Any] = {name: "gpu"}
    with pytest.raises(TypeError, match=f"{name}.*{right}"):
        await crowded.discover(**wrong)
    with pytest.raises(TypeError, match=f"{name}.*{right}"):
        crowded.claim(**wrong)
    assert await crowded.discover(properties={name: "gpu"}) == []


async def test_who_is_away_can_be_left_out(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where) as session, raw_peer("Away", **where, protocol=2) as away:
        events = session.events()
        await next_of(heliograph.PeerJoined, events)
        away.vanish()
        assert (await next_of(heliograph.PeerAway, events)).peer.peer_id == "Away"
        assert session.roster["Away"].state == "away"
        assert [peer.peer_id for peer in await session.discover(state="away")] == ["Away"]
        assert await session.discover(state="online") == []


async def test_discovering_needs_its_grant(owner: Any) -> None:
    token = await owner.api.mint_token(owner.room.room_id, id_token=owner.id_token, grants=["message"])
    async with heliograph.connect(**{**owner.where, "token": token.token}) as session:
        assert session.grants == {"message"}
        with pytest.raises(heliograph.NotPermitted, match="discover"):
            await session.discover()
        with pytest.raises(heliograph.NotPermitted, match="discover"):
            await session.peers()

"""One client, one worker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

import heliograph
from heliograph import Claimed, ClaimQueued, ClaimReleased, PeerJoined

from .events import next_of
from .raw_peer import raw_peer


class Pool(NamedTuple):
    """A worker and two who want it."""

    worker: heliograph.Worker
    ann: heliograph.Session
    bob: heliograph.Session


@pytest.fixture
async def pool(where: dict[str, Any]) -> AsyncIterator[Pool]:
    async with (
        heliograph.Worker(**where, peer_id="W", properties={"gpu_memory_mb": 16384}) as worker,
        heliograph.connect(**where, peer_id="Ann") as ann,
        heliograph.connect(**where, peer_id="Bob") as bob,
    ):
        yield Pool(worker, ann, bob)


async def claimers(session: heliograph.Session) -> list[str]:
    """Who holds a claim on the worker, as others see it."""
    [peer] = await session.discover(role="worker")
    return peer.claimed_by


async def test_a_claim_is_held_for_the_block(pool: Pool) -> None:
    events = pool.worker.events()
    async with pool.ann.claim(role="worker", gpu_memory_mb={"$gte": 8192}) as claim:
        assert (claim.peer_id, claim.peer.role, claim.is_over) == ("W", "worker", False)
        assert claim.peer.metadata.properties == {"gpu_memory_mb": 16384}
        assert 0 < claim.expires_at - claim.peer.connected_at <= 60 + 20
        claimed = await next_of(Claimed, events)
        assert (claimed.by, claimed.claim_id) == ("Ann", claim.claim_id)
        assert await claimers(pool.bob) == ["Ann"]
        with pytest.raises(heliograph.NoPeerAvailable):
            await pool.bob.claim(role="worker")
        claim.check()
    released = await next_of(ClaimReleased, events)
    assert (released.claim_id, released.reason) == (claim.claim_id, "released")
    assert (claim.is_over, await claim.wait_over()) == (True, "released")
    claim.check()
    assert await claimers(pool.bob) == []


async def test_a_claim_may_be_awaited_and_released_by_hand(pool: Pool) -> None:
    claim = await pool.ann.claim(role="worker")
    assert repr(claim) == "Claim(peer_id='W', held)"
    await claim.release()
    await claim.release()
    assert repr(claim) == "Claim(peer_id='W', released)"
    async with pool.bob.claim(role="worker") as other:
        assert other.peer_id == "W"
        await other.release()
        async with pool.ann.claim():
            pass


async def test_a_failing_block_gives_the_peer_back(pool: Pool) -> None:
    with pytest.raises(RuntimeError, match="the job"):
        async with pool.ann.claim(role="worker"):
            raise RuntimeError("the job failed")
    async with pool.bob.claim(role="worker") as claim:
        assert claim.peer_id == "W"


async def test_a_cancelled_block_gives_the_peer_back(pool: Pool) -> None:
    async def hold() -> None:
        async with pool.ann.claim(role="worker"):
            await asyncio.Event().wait()

    events = pool.worker.events()
    holding = asyncio.create_task(hold())
    await next_of(Claimed, events)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    # Ann may be given the worker, and give it back, only after the worker has heard of it.
    async with pool.bob.claim(role="worker", wait_s=10) as claim:
        assert claim.peer_id == "W"


@pytest.mark.parametrize(
    "filters",
    [
        {"role": "boss"},
        {"tags": "gpu"},
        {"all_tags": ["gpu"]},
        {"groups": "training"},
        {"state": "away"},
        {"gpu_memory_mb": {"$gt": 16384}},
        {"properties": {"gpu_memory_mb": 1}},
    ],
    ids=str,
)
async def test_nobody_fits(pool: Pool, filters: dict[str, Any]) -> None:
    with pytest.raises(heliograph.NoPeerAvailable):
        await pool.ann.claim(**filters)
    assert await claimers(pool.ann) == []


@pytest.mark.parametrize(
    ("wrong", "words"), [({"ttl_s": 0}, "ttl_s"), ({"wait_s": -1}, "wait_s"), ({"x": {"$y": 1}}, r"\$y")]
)
async def test_a_claim_that_makes_no_sense(pool: Pool, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(heliograph.InvalidMessage, match=words):
        await pool.ann.claim(**wrong)


async def test_waiting_in_line(pool: Pool) -> None:
    events = pool.bob.events()
    first = await pool.ann.claim(role="worker")
    waiting = asyncio.ensure_future(claimed(pool.bob, wait_s=30))
    assert (await next_of(ClaimQueued, events)).position == 1
    assert not waiting.done()
    await first.release()
    claim = await waiting
    assert (claim.peer_id, await claimers(pool.ann)) == ("W", ["Bob"])


async def claimed(session: heliograph.Session, **wanted: Any) -> heliograph.Claim:
    return await session.claim(role="worker", **wanted)


async def test_who_waits_moves_up(where: dict[str, Any], pool: Pool) -> None:
    async with heliograph.connect(**where, peer_id="Cid") as cid:
        events = cid.events()
        first = await pool.ann.claim(role="worker")
        bobs = asyncio.ensure_future(claimed(pool.bob, wait_s=30))
        await next_of(ClaimQueued, pool.bob.events())
        cids = asyncio.ensure_future(claimed(cid, wait_s=30))
        assert (await next_of(ClaimQueued, events)).position == 2
        await first.release()
        assert (await next_of(ClaimQueued, events)).position == 1
        await (await bobs).release()
        assert (await cids).peer_id == "W"


async def test_waiting_in_vain(pool: Pool) -> None:
    async with pool.ann.claim(role="worker"):
        with pytest.raises(heliograph.NoPeerAvailable):
            await pool.bob.claim(role="worker", wait_s=1)


async def test_a_worker_that_comes_goes_to_who_waits_for_it(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where) as ann:
        waiting = asyncio.ensure_future(claimed(ann, wait_s=30, status="free"))
        await next_of(ClaimQueued, ann.events())
        async with heliograph.Worker(**where, peer_id="W", properties={"status": "starting"}) as worker:
            assert await claimers(ann) == []
            await worker.update(status="free")
            assert (await waiting).peer.metadata.properties == {"status": "free"}


async def test_who_gives_up_waiting_gives_back_what_it_gets_later(pool: Pool) -> None:
    first = await pool.ann.claim(role="worker")
    impatient = asyncio.create_task(claimed(pool.bob, wait_s=30))
    await next_of(ClaimQueued, pool.bob.events())
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    await first.release()
    second = await pool.ann.claim(role="worker", wait_s=10)
    holders: list[str] = []
    async for event in pool.worker.events():
        if isinstance(event, Claimed):
            holders.append(event.by)
            if event.claim_id == second.claim_id:
                break
    assert holders == ["Ann", "Bob", "Ann"]
    assert await claimers(pool.bob) == ["Ann"]


async def test_a_timeout_around_a_claim_is_giving_up_too(pool: Pool) -> None:
    first = await pool.ann.claim(role="worker")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), pool.bob.claim(role="worker", wait_s=30):
            pytest.fail("there is no worker to be had")
    await first.release()
    assert (await pool.ann.claim(role="worker", wait_s=10)).peer_id == "W"


async def test_a_claim_expires(pool: Pool) -> None:
    events, events_of_ann = pool.worker.events(), pool.ann.events()
    async with asyncio.timeout(10), pool.ann.claim(role="worker", ttl_s=1) as claim:
        assert await claim.wait_over() == "expired"
        with pytest.raises(heliograph.ClaimLost, match="W is over: expired") as caught:
            claim.check()
        assert (caught.value.peer_id, caught.value.reason) == ("W", "expired")
    assert await claim.wait_over() == "expired"
    for stream in (events, events_of_ann):
        released = await next_of(ClaimReleased, stream)
        assert (released.claim_id, released.reason) == (claim.claim_id, "expired")


async def test_a_worker_that_leaves_takes_the_claim_with_it(where: dict[str, Any], pool: Pool) -> None:
    async with heliograph.Worker(**where, peer_id="V", tags="special"):
        claim = await pool.ann.claim(tags="special")
        assert claim.peer_id == "V"
    async with asyncio.timeout(10):
        assert await claim.wait_over() == "left"
    with pytest.raises(heliograph.ClaimLost, match="left"):
        claim.check()
    await claim.release()


async def test_a_client_that_leaves_gives_back_what_it_holds(where: dict[str, Any], pool: Pool) -> None:
    events = pool.worker.events()
    async with heliograph.connect(**where, peer_id="Cid") as cid:
        claim = await cid.claim(role="worker")
    assert await claim.wait_over() == "session_lost"
    assert (await next_of(ClaimReleased, events)).reason == "left"
    assert (await pool.bob.claim(role="worker")).peer_id == "W"


async def test_a_worker_takes_as_many_claims_as_it_says(where: dict[str, Any]) -> None:
    async with (
        heliograph.Worker(**where, peer_id="W", properties={"max_claims": 2}) as worker,
        heliograph.connect(**where, peer_id="Ann") as ann,
        heliograph.connect(**where, peer_id="Bob") as bob,
    ):
        first, second = await ann.claim(role="worker"), await bob.claim(role="worker")
        assert first.claim_id != second.claim_id
        assert await claimers(ann) == ["Ann", "Bob"]
        with pytest.raises(heliograph.NoPeerAvailable):
            await ann.claim(role="worker")
        await worker.update(max_claims=3)
        third = await ann.claim(role="worker")
        await first.release()
        assert not third.is_over
        assert await claimers(ann) == ["Bob", "Ann"]
        await worker.update(max_claims=0)
        with pytest.raises(heliograph.NoPeerAvailable):
            await bob.claim(role="worker")


async def test_of_several_the_least_used_one_is_claimed(where: dict[str, Any], pool: Pool) -> None:
    async with heliograph.Worker(**where, peer_id="V"):
        one, other = await pool.ann.claim(role="worker"), await pool.bob.claim(role="worker")
        assert {one.peer_id, other.peer_id} == {"V", "W"}


async def test_the_claimed_worker_is_connected_to_by_its_id(where: dict[str, Any], pool: Pool) -> None:
    @pool.worker.on_channel("chat")
    async def echo(channel: heliograph.Channel) -> None:
        async for message in channel:
            await channel.send(message)

    async with pool.ann.claim(role="worker") as claim, await pool.ann.connect(claim.peer_id) as connection:
        chat = connection.channel("chat")
        await chat.send("hello")
        assert await chat.receive() == "hello"


async def test_claiming_needs_its_grant(owner: Any) -> None:
    token = await owner.api.mint_token(owner.room.room_id, id_token=owner.id_token, grants=["discover"])
    async with heliograph.connect(**{**owner.where, "token": token.token}) as ann:
        with pytest.raises(heliograph.NotPermitted, match="claim"):
            await ann.claim()


async def test_an_old_worker_can_be_claimed_as_well(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where) as ann, raw_peer("Old", **where, role="worker") as old:
        await next_of(PeerJoined, ann.events())
        async with ann.claim(role="worker") as claim:
            assert claim.peer_id == "Old"
        await old.say(type="ping")
        assert (await old.hear())["type"] == "pong"

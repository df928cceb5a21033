"""Programs written for the original protocol, in one room with this SDK."""

import asyncio
from typing import Any

import pytest

import heliograph
from heliograph import PeerJoined, PeerLeft, PeerMessage

from .events import heard, next_of
from .raw_peer import raw_peer


async def test_an_old_peer_is_a_peer_like_others(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where, peer_id="Ann") as ann:
        events = ann.events()
        async with raw_peer("Old", **where, role="worker", metadata={"tags": ["gpu"], "properties": {"n": 1}}) as old:
            assert set(old.reply) == {"type", "room_id", "token", "peer_id"}
            joined = (await next_of(PeerJoined, events)).peer
            assert (joined.peer_id, joined.role, joined.metadata.tags, joined.state) == (
                "Old",
                "worker",
                ["gpu"],
                "online",
            )
            assert [peer.peer_id for peer in await ann.discover(tags="gpu", n=1)] == ["Old"]
            assert await ann.message("Old", {"hello": 1}, ack=True) == "delivered"
            message = await old.hear()
            assert (message["type"], message["from_peer_id"], message["payload"]) == (
                "peer_message",
                "Ann",
                {"hello": 1},
            )
            await old.say(type="peer_message", to_peer_id="Ann", payload="hi")
            assert (await next_of(PeerMessage, events)).payload == "hi"
            await old.say(type="update_metadata", metadata={"properties": {"n": 2}})
            assert (await old.hear())["type"] == "metadata_updated"
            assert [peer.peer_id for peer in await ann.discover(n=2)] == ["Old"]
        assert (await heard(events, until=PeerLeft))[-1].reason == "left"


async def test_an_old_peer_hears_nothing_that_it_did_not_ask_for(where: dict[str, Any]) -> None:
    async with raw_peer("Old", **where) as old:
        async with heliograph.connect(**where, peer_id="Ann") as ann:
            await ann.update(status="busy")
            await ann.set_groups("default", "training")
            await ann.claim()
        await old.say(type="query")
        assert [message["type"] for message in await old.heard_until("available_peers")] == ["available_peers"]


async def test_offers_of_an_old_peer_are_answered_and_refused(
    where: dict[str, Any], echo_worker: heliograph.Worker
) -> None:
    async with echo_worker, raw_peer("Old", **where) as old, heliograph.connect(**where, peer_id="Ann"):
        await old.say(type="offer", sender="Old", target="Ann", sdp="v=0")
        refusal = await old.hear()
        assert (refusal["type"], refusal["sender"], refusal["code"]) == ("error", "Ann", "NOT_ACCEPTING")
        await old.say(type="offer", sender="Old", target="Worker-1", sdp="not a description")
        assert (await old.hear())["sender"] == "Worker-1"


async def test_calling_an_old_peer_that_refuses(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where, peer_id="Ann") as ann, raw_peer("Old", **where) as old:

        async def refuse() -> None:
            [*_, offer] = await old.heard_until("offer")
            await old.say(type="error", sender="Old", target=offer["sender"], reason="worker_busy")

        refusing = asyncio.create_task(refuse())
        with pytest.raises(heliograph.WorkerBusy):
            await ann.connect("Old")
        await refusing

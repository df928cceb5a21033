"""What peers say of themselves, and what others hear of it."""

from typing import Any

import pytest

import heliograph
from heliograph import PeerAway, PeerBack, PeerJoined, PeerLeft, PeerUpdated

from .events import heard, next_of
from .raw_peer import raw_peer


async def test_a_worker_says_what_it_is_and_others_see_it_change(where: dict[str, Any]) -> None:
    async with (
        heliograph.connect(**where, peer_id="Ann") as ann,
        heliograph.Worker(**where, peer_id="W", tags=["gpu"], properties={"status": "free", "gpu_mb": 8}) as worker,
    ):
        events = ann.events()
        joined = await next_of(PeerJoined, events)
        assert (joined.peer.peer_id, joined.peer.role) == ("W", "worker")

        metadata = await worker.update(status="busy", tags=["fast", "gpu"])
        assert metadata.properties == {"status": "busy", "gpu_mb": 8}
        assert metadata.tags == ["gpu", "fast"]
        assert (await next_of(PeerUpdated, events)).peer.metadata == metadata
        assert ann.roster["W"].metadata == metadata

        metadata = await worker.update(gpu_mb=None, properties={"status": "free", "gpu-count": 2})
        assert metadata.properties == {"status": "free", "gpu-count": 2}
        assert (await next_of(PeerUpdated, events)).peer.metadata == metadata

        assert (await worker.update()).properties == metadata.properties
        assert (await worker.update(tags="one tag")).tags == ["gpu", "fast", "one tag"]


async def test_metadata_has_its_bound(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where) as session:
        await session.update(color="red")
        with pytest.raises(heliograph.InvalidMessage, match="16384 bytes"):
            await session.update(color="blue", notes="x" * 20_000)
        assert (await session.update()).properties == {"color": "red"}


async def test_groups_say_who_sees_whom(where: dict[str, Any]) -> None:
    async with (
        heliograph.connect(**where, peer_id="Ann") as ann,
        heliograph.connect(**where, peer_id="Bob") as bob,
        heliograph.connect(**where, peer_id="Eve", groups=["training"]) as eve,
    ):
        news_of_ann, news_of_bob = ann.events(), bob.events()
        await next_of(PeerJoined, news_of_ann)
        assert (list(ann.roster), list(bob.roster), list(eve.roster)) == (["Bob"], ["Ann"], [])

        assert await bob.set_groups("training") == ["training"]
        gone = await next_of(PeerLeft, news_of_ann)
        assert (gone.peer.peer_id, gone.reason, list(ann.roster)) == ("Bob", "left", [])
        changes = await heard(news_of_bob, until=PeerJoined)
        assert [(type(change), change.peer.peer_id) for change in changes[1:]] == [
            (PeerLeft, "Ann"),
            (PeerJoined, "Eve"),
        ]
        with pytest.raises(heliograph.PeerNotFound):
            await ann.message("Bob", "where are you?", ack=True)
        with pytest.raises(heliograph.PeerNotFound):
            await ann.connect("Bob")
        assert await eve.peers() == ["Bob"]

        assert await bob.set_groups("training", "default") == ["default", "training"]
        assert (await next_of(PeerJoined, news_of_ann)).peer.groups == ["default", "training"]
        assert sorted(bob.roster) == ["Ann", "Eve"]

        assert await bob.set_groups() == []
        await next_of(PeerLeft, news_of_ann)
        assert (list(ann.roster), await bob.peers(), list(eve.roster)) == ([], [], [])


async def test_the_roster_is_kept_true(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where, peer_id="Ann") as ann:
        events = ann.events()
        assert dict(ann.roster) == {}
        async with raw_peer("Bob", **where, protocol=2, role="worker") as bob:
            assert (await next_of(PeerJoined, events)).peer == ann.roster["Bob"]
            bob.vanish()
        assert (await next_of(PeerAway, events)).peer == ann.roster["Bob"]
        assert ann.roster["Bob"].state == "away"
        session = bob.reply["session"]
        proof = {"session_id": session["session_id"], "secret": session["secret"], "received": 0}
        async with raw_peer("Bob", **where, protocol=2, id_token=bob.id_token, resume=proof) as bob:
            assert bob.reply["session"]["resumed"]
            assert (await next_of(PeerBack, events)).peer == ann.roster["Bob"]
            assert ann.roster["Bob"].state == "online"
            assert (len(ann.roster), "Bob" in ann.roster, ann.roster.get("Eve")) == (1, True, None)
            await bob.say(type="leave")
            left = await next_of(PeerLeft, events)
        assert (left.peer.peer_id, left.reason, len(ann.roster)) == ("Bob", "left", 0)


async def test_leaving_the_block_is_leaving_the_room(where: dict[str, Any]) -> None:
    async with heliograph.connect(**where) as ann:
        events = ann.events()
        async with heliograph.connect(**where, peer_id="Bob"):
            await next_of(PeerJoined, events)
        passed = await heard(events, until=PeerLeft)
        assert [type(event) for event in passed] == [PeerLeft]
        assert passed[0].reason == "left"


async def test_who_does_not_come_back_has_timed_out(server_with: Any) -> None:
    async with server_with("--resume-window-s", "1") as server:
        room = await heliograph.create_room(server.url)
        where: dict[str, Any] = {"url": server.url, "room": room.room_id, "token": room.token}
        async with heliograph.connect(**where) as ann, raw_peer("Bob", **where, protocol=2) as bob:
            events = ann.events()
            await next_of(PeerJoined, events)
            bob.vanish()
            passed = await heard(events, until=PeerLeft)
            assert [type(event) for event in passed] == [PeerAway, PeerLeft]
            assert passed[-1].reason == "timed_out"


async def test_a_peer_that_was_put_out_has_been_removed(owner: Any) -> None:
    async with heliograph.connect(**owner.where) as ann, raw_peer("Bob", **owner.where):
        events = ann.events()
        await next_of(PeerJoined, events)
        await owner.api.remove_peer(owner.room.room_id, "Bob", id_token=owner.id_token)
        assert (await next_of(PeerLeft, events)).reason == "removed"

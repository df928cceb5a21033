"""What the SDK says of its connections, as those see it who inspect the room."""

import asyncio
from typing import Any

import pytest

import heliograph

from .raw_peer import RawPeer, raw_peer

LIMIT_S = 20


async def what_became(watcher: RawPeer, count: int) -> dict[tuple[str, str], dict[str, Any]]:
    """The first reports of so many peers, by sender and state."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    async with asyncio.timeout(LIMIT_S):
        while len(found) < count:
            message = await watcher.hear()
            for entry in message.get("room", {}).get("timeline", []):
                if entry["event"] in {"connected", "failed", "closed"}:
                    found[entry["peer"], entry["event"]] = entry
    return found


async def test_both_sides_of_a_connection_tell_how_it_came_about(owner: Any, make_echo_worker: Any) -> None:
    async with (
        raw_peer("Watcher", **owner.where, id_token=owner.id_token, protocol=2, groups=["watchers"]) as watcher,
        make_echo_worker(owner.where["url"], owner.room),
    ):
        await watcher.say(type="inspect", peers=["Client-1", "Worker-1"])
        async with heliograph.connect(**owner.where, peer_id="Client-1", peer="Worker-1"):
            told = await what_became(watcher, 2)
        assert set(told) == {("Client-1", "connected"), ("Worker-1", "connected")}
        for entry in told.values():
            assert entry["local"] == "host"
            assert entry["remote"] in {"host", "prflx"}
            assert entry["took_ms"] >= 0


async def test_the_inspector_knows_why_two_did_not_connect(owner: Any) -> None:
    async with (
        raw_peer("Watcher", **owner.where, id_token=owner.id_token, protocol=2, groups=["watchers"]) as watcher,
        raw_peer("Mute", **owner.where),
        heliograph.connect(**owner.where, peer_id="Client-1", timeout_s=0.5) as session,
    ):
        await watcher.say(type="inspect", peers=["Client-1", "Mute"])
        with pytest.raises(heliograph.ConnectTimeout):
            await session.connect("Mute")
        told = await what_became(watcher, 1)
        assert list(told) == [("Client-1", "failed")]
        await watcher.say(type="inspect", peers=["Client-1", "Mute"])
        diagnosis = (await watcher.heard_until("inspection"))[-1]["room"]["diagnosis"]
        assert diagnosis["verdict"] == "no_answer"

"""Claims while the connection to the server is lost."""

import asyncio
import random
from typing import Any

import pytest
from cutting_proxy import cutting_proxy

import heliograph
from heliograph import ClaimReleased, Disconnected, Registered

from .events import next_of


async def test_a_release_that_nobody_waits_for_any_more_still_happens(server: Any, where: dict[str, Any]) -> None:
    """Offline, the holder is cancelled while it gives the peer back; then the session resumes."""
    async with (
        heliograph.Worker(**where, peer_id="W") as worker,
        cutting_proxy(server.http_port, random.Random(1)) as proxy,
        heliograph.connect(**{**where, "url": proxy.url}, peer_id="Ann") as ann,
    ):
        events = ann.events()
        claim = await ann.claim(role="worker", ttl_s=3600)
        proxy.refusing = True
        proxy.cut()
        await next_of(Disconnected, events)
        releasing = asyncio.create_task(claim.release())
        await asyncio.sleep(0)
        releasing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await releasing
        proxy.refusing = False
        assert (await next_of(Registered, events)).resumed
        assert (await next_of(ClaimReleased, worker.events())).reason == "released"


async def test_not_being_heard_is_not_that_nobody_is_free(
    server: Any, where: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heliograph.signaling.client.REQUEST_TIMEOUT_S", 0.2)
    async with (
        heliograph.Worker(**where, peer_id="W"),
        cutting_proxy(server.http_port, random.Random(1)) as proxy,
        heliograph.connect(**{**where, "url": proxy.url}, peer_id="Ann") as ann,
    ):
        events = ann.events()
        proxy.refusing = True
        proxy.cut()
        await next_of(Disconnected, events)
        with pytest.raises(heliograph.RequestTimeout):
            await ann.claim(role="worker")
        proxy.refusing = False
        await next_of(Registered, events)
        assert [peer.claimed_by for peer in await ann.discover()] == [[]]

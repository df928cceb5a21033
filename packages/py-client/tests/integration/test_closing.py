"""Closing, in any state: it is over soon, the room hears that the peer has left, and nothing stays behind."""

import asyncio
import random
import time
from typing import Any, Final

import pytest
from cutting_proxy import cutting_proxy

import heliograph
from heliograph.signaling.outbox import QUEUED_MESSAGES

from .events import next_of

CLOSING_S: Final = 3.0
"""About 2 s, on a busy machine."""


async def timed_close(session: Any) -> float:
    started = time.monotonic()
    await session._close()
    return time.monotonic() - started


def left_behind(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() - before if not task.done()}


@pytest.mark.parametrize("messages", [20, QUEUED_MESSAGES])
async def test_more_waits_than_the_rate_lets_out(server_with: Any, messages: int) -> None:
    async with server_with(HELIOGRAPH_RATE_LIMIT="5") as server:
        room = await heliograph.create_room(server.url)
        where: Any = {"url": server.url, "room": room.room_id, "token": room.token}
        async with heliograph.connect(**where, peer_id="stays") as stays:
            async with heliograph.connect(**where, peer_id="goes") as goes:
                for number in range(messages):
                    await goes.message("stays", number)
                assert await timed_close(goes) < CLOSING_S
            left = await next_of(heliograph.PeerLeft, stays.events())
            assert (left.peer.peer_id, left.reason) == ("goes", "left"), "not away, with a window to come back in"


async def test_the_connection_was_just_cut(server: Any, where: dict[str, Any]) -> None:
    async with (
        cutting_proxy(server.http_port, random.Random(1)) as proxy,
        heliograph.connect(**where, peer_id="stays") as stays,
    ):
        events = stays.events()
        async with heliograph.connect(**where | {"url": proxy.url}, peer_id="goes") as goes:
            goes._signaling._connector._backoff._rng = lambda: 0.0
            proxy.cut()
            await next_of(heliograph.Disconnected, goes.events())
            assert await timed_close(goes) < CLOSING_S
        assert (await next_of(heliograph.PeerLeft, events)).reason == "left"


async def test_nobody_is_there(mortal_server: Any) -> None:
    room = await heliograph.create_room(mortal_server.url)
    async with heliograph.connect(mortal_server.url, room=room.room_id, token=room.token) as session:
        await mortal_server.stop(kill=True)
        await next_of(heliograph.Disconnected, session.events())
        assert await timed_close(session) < CLOSING_S
    await mortal_server.start()


async def test_the_server_takes_nothing_in(mortal_server: Any) -> None:
    before = asyncio.all_tasks()
    room = await heliograph.create_room(mortal_server.url)
    async with heliograph.connect(mortal_server.url, room=room.room_id, token=room.token) as session:
        mortal_server.pause()
        for _ in range(64):
            await session.message("anybody", "x" * 60_000)
        assert await timed_close(session) < CLOSING_S
    assert not left_behind(before)
    await mortal_server.stop(kill=True)
    await mortal_server.start()


async def test_another_task_closes_while_it_opens(server: Any, room: heliograph.Room) -> None:
    before = asyncio.all_tasks()
    client = heliograph.SignalingClient(server.url, room=room.room_id, token=room.token)
    opening = asyncio.create_task(client.open())
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(heliograph.SignalingLost):
        await opening
    assert not left_behind(before)


async def test_whoever_closes_is_cancelled(server: Any, where: dict[str, Any]) -> None:
    before = asyncio.all_tasks()
    async with heliograph.connect(**where, peer_id="stays") as stays:
        events = stays.events()
        async with heliograph.connect(**where, peer_id="goes") as goes:
            closing = asyncio.create_task(goes._close())
            await asyncio.sleep(0)
            closing.cancel()
            await asyncio.wait([closing])
        await next_of(heliograph.PeerLeft, events)
    assert not left_behind(before)


async def test_a_release_is_sent_even_if_whoever_waits_for_it_is_cancelled(where: dict[str, Any]) -> None:
    async with (
        heliograph.connect(**where, peer_id="worker", role="worker") as worker,
        heliograph.connect(**where, peer_id="asker") as asker,
    ):
        events = worker.events()
        claim = await asker.claim(role="worker", ttl_s=600)
        releasing = asyncio.create_task(claim.release())
        await asyncio.sleep(0)
        releasing.cancel()
        released = await next_of(heliograph.ClaimReleased, events)
        assert released.claim_id == claim.claim_id


class Mistake(Exception):
    """What nobody has thought of."""


async def test_a_mistake_of_ours_is_shown_and_nobody_waits_for_what_will_not_come(
    where: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_frame: bytes) -> list[Any]:
        raise Mistake

    async with heliograph.SignalingClient(**where) as client, asyncio.timeout(5):
        monkeypatch.setattr(client._core, "receive", fail)
        with pytest.raises(heliograph.SignalingLost, match="Mistake"):
            await client.query()
        with pytest.raises(ExceptionGroup) as shown:
            async for _ in client:
                pass
        assert shown.group_contains(Mistake)
    async with heliograph.connect(**where) as session, asyncio.timeout(5):
        monkeypatch.setattr(session._signaling._core, "receive", fail)
        with pytest.raises(heliograph.SignalingLost, match="Mistake"):
            await session.peers()
        with pytest.raises(heliograph.SignalingLost, match="Mistake"):
            async for _ in session.events():
                pass
        with pytest.raises(ExceptionGroup) as shown:
            await session.accept()
        assert shown.group_contains(Mistake)


async def test_who_gives_up_while_entering_does_not_stay_in_the_room(owner: Any) -> None:
    async def enter(number: int) -> None:
        async with heliograph.connect(**owner.where, peer_id=f"Hasty-{number}", id_token=owner.id_token):
            pass

    for steps in range(0, 60, 3):
        entering = asyncio.create_task(enter(steps))
        for _ in range(steps):
            await asyncio.sleep(0)
        await asyncio.sleep(0.001 * (steps % 10))  # the server takes its part of the time
        entering.cancel()
        await asyncio.wait([entering])
    async with asyncio.timeout(10):  # a third of the time for which the server would keep the place of who is away
        while [peer async for peer in owner.api.peers(owner.room.room_id, id_token=owner.id_token)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

"""Networks that cut connections: everything arrives once and in order, or its sender is told."""

import asyncio
import random
from typing import Any, Final

from cutting_proxy import CuttingProxy, cutting_proxy

import heliograph
from heliograph_protocol import Ack

MESSAGES: Final = 10_000
CUTS: Final = 200
LIVES_BYTES: Final = 8_000
RETRY_S: Final = 0.01


def impatient() -> float:
    """In the place of a random number: as soon as possible."""
    return 0.01


async def send_all(sender: heliograph.SignalingClient) -> None:
    """Send the numbers in order, each again where the server had no more room for it."""
    for number in range(MESSAGES):
        while True:
            try:
                await sender.ask(heliograph.PeerMessage(to_peer_id="receiver", payload=number), Ack)
                break
            except heliograph.PeerAwayBufferFull:
                await asyncio.sleep(RETRY_S)


async def receive_all(receiver: heliograph.SignalingClient, proxy: CuttingProxy) -> list[int]:
    """The numbers as they come; the last ones over a connection that is not cut."""
    numbers: list[int] = []
    registrations = 0
    async for event in receiver:
        if isinstance(event, heliograph.PeerMessage):
            numbers.append(event.payload)
            if len(numbers) == MESSAGES:
                break
        elif isinstance(event, heliograph.Registered):
            assert event.resumed is bool(registrations)
            registrations += 1
        if proxy.cuts >= CUTS:
            proxy.lives_bytes = None
    return numbers


async def test_two_hundred_cuts_lose_nothing_and_repeat_nothing(fast_server: Any) -> None:
    room = await heliograph.create_room(fast_server.url)
    where: Any = {"room": room.room_id, "token": room.token, "rng": impatient}
    rng = random.Random(20_261)
    async with (
        cutting_proxy(fast_server.http_port, rng) as proxy,
        heliograph.SignalingClient(fast_server.url, peer_id="sender", **where) as sender,
        heliograph.SignalingClient(proxy.url, peer_id="receiver", **where) as receiver,
        asyncio.timeout(100),
        asyncio.TaskGroup() as tasks,
    ):
        proxy.lives_bytes = LIVES_BYTES
        proxy.cut()
        receiving = tasks.create_task(receive_all(receiver, proxy))
        tasks.create_task(send_all(sender))
    assert receiving.result() == list(range(MESSAGES))
    assert proxy.cuts >= CUTS


async def test_a_sender_whose_connection_is_cut_sends_each_message_once(fast_server: Any) -> None:
    """Many at a time, without waiting for one before the next."""
    room = await heliograph.create_room(fast_server.url)
    where: Any = {"room": room.room_id, "token": room.token, "rng": impatient}
    count = 2000
    async with (
        cutting_proxy(fast_server.http_port, random.Random(7)) as proxy,
        heliograph.SignalingClient(proxy.url, peer_id="sender", **where) as sender,
        heliograph.SignalingClient(fast_server.url, peer_id="receiver", **where) as receiver,
        asyncio.timeout(100),
    ):
        proxy.lives_bytes = LIVES_BYTES
        proxy.cut()

        async def send() -> None:
            for number in range(count):
                while True:
                    try:
                        await sender.send(heliograph.PeerMessage(to_peer_id="receiver", payload=number))
                        break
                    except heliograph.SendQueueFull:
                        await asyncio.sleep(RETRY_S)

        numbers: list[int] = []
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            async for event in receiver:
                if isinstance(event, heliograph.PeerMessage):
                    numbers.append(event.payload)
                    if len(numbers) == count:
                        break
        assert numbers == list(range(count))
        assert proxy.cuts >= 10
        proxy.lives_bytes = None

"""Events of a client on their way to their one reader."""

import asyncio

from heliograph.signaling.event_queue import EVENT_QUEUE_SIZE, EventQueue
from heliograph_protocol import PeerMessage


def message(number: int) -> PeerMessage:
    return PeerMessage(from_peer_id="W", payload=number)


async def payloads(queue: EventQueue) -> list[int]:
    return [event.payload async for event in queue.read() if isinstance(event, PeerMessage)]


async def test_they_are_read_in_order_until_the_end_by_whoever_reads() -> None:
    queue = EventQueue()
    reading = asyncio.create_task(payloads(queue))
    await asyncio.sleep(0)
    for number in range(3):
        queue.put(message(number))
    queue.end()
    assert await reading == [0, 1, 2]
    assert await payloads(queue) == []


async def test_what_was_put_is_never_dropped_and_room_comes_with_reading() -> None:
    queue = EventQueue()
    for number in range(EVENT_QUEUE_SIZE + 2):
        queue.put(message(number))
    waiting = asyncio.create_task(queue.wait_for_room())
    events = queue.read()
    for _ in range(2):
        await anext(events)
    await asyncio.sleep(0)
    assert not waiting.done()
    await anext(events)
    await waiting
    queue.end()
    assert await payloads(queue) == list(range(3, EVENT_QUEUE_SIZE + 2))
    await events.aclose()  # type: ignore[attr-defined]


async def test_a_reader_that_is_cancelled_takes_nothing_with_it() -> None:
    queue = EventQueue()
    reading = asyncio.ensure_future(anext(queue.read()))
    await asyncio.sleep(0)
    queue.put(message(1))
    reading.cancel()
    await asyncio.wait([reading])
    queue.end()
    assert await payloads(queue) == [1]

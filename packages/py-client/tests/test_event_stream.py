"""Events between where they happen and who reads them."""

import asyncio

import pytest

import heliograph
from heliograph.event_stream import MAX_EVENTS, MAX_UNREAD_EVENTS, EventStream
from heliograph.events import RoomEvent
from heliograph_protocol import PeerMessage


def message(number: int) -> PeerMessage:
    return PeerMessage(from_peer_id="W", payload=number)


async def payloads(stream: EventStream[RoomEvent]) -> list[int]:
    return [event.payload async for event in stream.read() if isinstance(event, PeerMessage)]


async def test_what_came_before_anybody_read_is_there() -> None:
    stream: EventStream[RoomEvent] = EventStream()
    for number in range(3):
        stream.put(message(number))
    stream.end(None)
    assert await payloads(stream) == [0, 1, 2]
    assert await payloads(stream) == []


async def test_reading_waits() -> None:
    stream: EventStream[RoomEvent] = EventStream()
    reading = asyncio.create_task(payloads(stream))
    await asyncio.sleep(0)
    stream.put(message(1))
    await asyncio.sleep(0)
    assert not reading.done()
    stream.put(message(2))
    stream.end(None)
    assert await reading == [1, 2]


async def test_the_end_says_why_and_the_first_reason_counts() -> None:
    stream: EventStream[RoomEvent] = EventStream()
    stream.put(message(1))
    stream.end(heliograph.Removed(4003, "the room was closed"))
    stream.end(None)
    events = stream.read()
    assert await anext(events) == message(1)
    with pytest.raises(heliograph.Removed):
        await anext(events)


async def test_without_a_reader_the_newest_are_kept() -> None:
    stream: EventStream[RoomEvent] = EventStream()
    for number in range(MAX_UNREAD_EVENTS + 10):
        stream.put(message(number))
    stream.end(None)
    assert await payloads(stream) == list(range(10, MAX_UNREAD_EVENTS + 10))


async def test_a_reader_that_falls_behind_is_told() -> None:
    stream: EventStream[RoomEvent] = EventStream()
    events = stream.read()
    stream.put(message(0))
    assert await anext(events) == message(0)
    for number in range(MAX_EVENTS + 2):
        stream.put(message(number))
    with pytest.raises(heliograph.EventsMissed, match="2 events"):
        await anext(events)
    stream.end(None)
    assert await payloads(stream) == list(range(2, MAX_EVENTS + 2))

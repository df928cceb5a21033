"""Channels of msgspec values, over a data channel in memory."""

from datetime import UTC, datetime

import msgspec
import pytest

import heliograph
from heliograph.channels.channel import Channel
from heliograph.channels.typed import TypedChannel

from .fake import FakeDataChannel


class Job(msgspec.Struct):
    name: str
    steps: int = 1
    weights: bytes = b""
    at: datetime | None = None


@pytest.fixture
def rtc() -> FakeDataChannel:
    return FakeDataChannel()


@pytest.fixture
async def jobs(rtc: FakeDataChannel) -> TypedChannel[Job]:
    return TypedChannel(Channel(rtc, peer_id="Client-1"), Job)


async def test_values_travel_as_json_texts(rtc: FakeDataChannel, jobs: TypedChannel[Job]) -> None:
    await jobs.send(Job("train", 3, b"\x00\xff", datetime(2026, 1, 2, tzinfo=UTC)))
    [frame] = rtc.sent
    assert frame == '{"name":"train","steps":3,"weights":"AP8=","at":"2026-01-02T00:00:00Z"}'
    rtc.emit("message", frame)
    assert await jobs.receive() == Job("train", 3, b"\x00\xff", datetime(2026, 1, 2, tzinfo=UTC))


async def test_iterating_ends_with_the_channel(rtc: FakeDataChannel, jobs: TypedChannel[Job]) -> None:
    rtc.emit("message", '{"name":"a"}')
    rtc.emit("message", '{"name":"b","of a later version":1}')
    rtc.closed_by_peer()
    assert [job async for job in jobs] == [Job("a"), Job("b")]


@pytest.mark.parametrize(
    "message",
    ["", "nonsense", "[]", "{}", '{"name":1}', '{"name":"a","steps":"3"}', b'{"name":"a"}', "[" * 100_000, "\ud800"],
)
async def test_what_is_no_value_is_an_error_and_the_next_can_be_read(
    rtc: FakeDataChannel, jobs: TypedChannel[Job], message: str | bytes
) -> None:
    rtc.emit("message", message)
    rtc.emit("message", '{"name":"next"}')
    with pytest.raises(heliograph.ChannelFormatError, match=r"Client-1 sent .*Job"):
        await jobs.receive()
    assert await jobs.receive() == Job("next")


@pytest.mark.parametrize("value", [{"steps": 1}, "train", None, object(), Job(name=1)])  # type: ignore[arg-type]
async def test_what_is_no_value_is_not_sent(rtc: FakeDataChannel, jobs: TypedChannel[Job], value: object) -> None:
    with pytest.raises((TypeError, msgspec.ValidationError)):
        await jobs.send(value)  # type: ignore[arg-type]
    assert rtc.sent == []

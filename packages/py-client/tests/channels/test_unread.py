"""How much may wait to be read, over all channels of one connection."""

import gc

import pytest

import heliograph
from heliograph.channels import unread
from heliograph.channels.channel import Channel
from heliograph.channels.splitting import Splitting
from heliograph.channels.unread import UnreadTotal
from heliograph_protocol.splitting import SPLIT_PROTOCOL

from .fake import FakeDataChannel

MESSAGE = b"x" * 400


@pytest.fixture(autouse=True)
def _small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "CHANNEL_BYTES", 1000)
    monkeypatch.setattr(unread, "CONNECTION_BYTES", 2000)


@pytest.fixture
def total() -> UnreadTotal:
    return UnreadTotal()


def channel_with(total: UnreadTotal, messages: int, *, protocol: str = "") -> tuple[FakeDataChannel, Channel]:
    """A channel on which so many messages have arrived."""
    rtc = FakeDataChannel(protocol=protocol)
    channel = Channel(rtc, peer_id="Worker-1", unread=total)
    for _ in range(messages):
        rtc.emit("message", MESSAGE)
    return rtc, channel


async def test_the_channel_on_which_more_arrives_is_broken_off(total: UnreadTotal) -> None:
    first, second, third = (channel_with(total, 2)[1] for _ in range(3))
    assert (first.is_closed, second.is_closed, third.is_closed) == (False, False, True)
    for channel in (first, second):
        assert [await channel.receive() for _ in range(2)] == [MESSAGE] * 2
    with pytest.raises(heliograph.ReceiveOverflow, match="the channels of the connection"):
        await third.receive()


async def test_what_is_read_makes_room_on_other_channels(total: UnreadTotal) -> None:
    first, second, third = (channel_with(total, messages) for messages in (2, 2, 0))
    for _ in range(10):
        await first[1].receive()
        third[0].emit("message", MESSAGE)
        await third[1].receive()
        first[0].emit("message", MESSAGE)
    assert not any(channel.is_closed for _, channel in (first, second, third))


async def test_a_channel_that_the_other_side_has_closed_counts_until_this_one_is_done_with_it(
    total: UnreadTotal,
) -> None:
    closed = [channel_with(total, 2) for _ in range(2)]
    for rtc, _ in closed:
        rtc.closed_by_peer()
    assert channel_with(total, 1)[1].is_closed
    for _, channel in closed:
        await channel.close()
        assert await channel.receive() == MESSAGE
    assert not channel_with(total, 2)[1].is_closed


async def test_what_nobody_refers_to_any_more_does_not_count(total: UnreadTotal) -> None:
    for _ in range(20):
        rtc, channel = channel_with(total, 2)
        assert not channel.is_closed
        rtc.closed_by_peer()
        del rtc, channel
        gc.collect()


async def test_messages_that_are_not_whole_yet_count_until_the_channel_is_closed(total: UnreadTotal) -> None:
    channels = [channel_with(total, 0, protocol=SPLIT_PROTOCOL) for _ in range(2)]
    for rtc, _ in channels:
        _, frames = Splitting(reliable=True).frames(b"x" * 100_000, 1300)
        rtc.emit("message", next(frames))
    assert [channel.is_closed for _, channel in channels] == [False, True]
    _, another = channel_with(total, 1)
    assert not another.is_closed

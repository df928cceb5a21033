"""Channels that split: what goes out, what comes in, and what a side that knows nothing of it sees."""

import asyncio

import pytest

import heliograph
from heliograph.channels import channel as module
from heliograph.channels import unread
from heliograph.channels.channel import MAX_MESSAGE_BYTES, Channel
from heliograph.channels.splitting import FRAGMENT_BYTES, Splitting
from heliograph_protocol.splitting import (
    MAX_SPLIT_MESSAGE_BYTES,
    SPLIT_MAGIC,
    SPLIT_PROTOCOL,
    Abandoned,
    decode_split_frame,
)

from .fake import FakeDataChannel, settle

LARGE = "\N{SNOWMAN}" * 200_000


@pytest.fixture
def rtc() -> FakeDataChannel:
    return FakeDataChannel(protocol=SPLIT_PROTOCOL)


@pytest.fixture
async def channel(rtc: FakeDataChannel) -> Channel:
    return Channel(rtc, peer_id="Worker-1")


def drain_at_once(rtc: FakeDataChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    send = rtc.send

    def send_and_drain(data: bytes | str) -> None:
        send(data)
        rtc.bufferedAmount = 0

    monkeypatch.setattr(rtc, "send", send_and_drain)


@pytest.mark.parametrize("message", [LARGE, LARGE.encode(), SPLIT_MAGIC, SPLIT_MAGIC + b"x"])
async def test_a_large_message_goes_in_pieces_once_the_other_side_is_known_to_join(
    rtc: FakeDataChannel, channel: Channel, message: str | bytes
) -> None:
    sending = asyncio.create_task(channel.send(message))
    await settle()
    assert rtc.sent == []
    rtc.emit("message", Splitting.hello())
    await sending
    other = Splitting(reliable=True)
    assert [joined for frame in rtc.sent if (joined := other.take(frame)) is not None] == [message]
    assert all(len(frame) <= FRAGMENT_BYTES for frame in rtc.sent)


async def test_the_side_that_did_not_open_says_hello_and_may_split_at_once(rtc: FakeDataChannel) -> None:
    channel = Channel(rtc, peer_id="Client-1", opened_here=False)
    assert rtc.sent == [Splitting.hello()]
    await channel.send(b"x" * 300_000)
    assert len(rtc.sent) > 2


async def test_small_messages_wait_for_nobody(rtc: FakeDataChannel, channel: Channel) -> None:
    await channel.send("text")
    await channel.send(b"x" * MAX_MESSAGE_BYTES)
    assert rtc.sent == ["text", b"x" * MAX_MESSAGE_BYTES]


async def test_without_a_hello_large_messages_are_refused_and_others_sent_plain(
    rtc: FakeDataChannel, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELLO_TIMEOUT_S", 0.01)
    with pytest.raises(heliograph.ChannelMessageTooBig) as caught:
        await channel.send(LARGE)
    assert caught.value.limit == MAX_MESSAGE_BYTES
    await channel.send(SPLIT_MAGIC)
    assert rtc.sent == [SPLIT_MAGIC]


async def test_a_channel_without_the_protocol_knows_nothing_of_fragments() -> None:
    rtc = FakeDataChannel()
    channel = Channel(rtc, peer_id="Client-1", opened_here=False)
    rtc.emit("message", SPLIT_MAGIC + b"anything")
    assert await channel.receive() == SPLIT_MAGIC + b"anything"
    await channel.send(Splitting.hello())
    assert rtc.sent == [Splitting.hello()]
    with pytest.raises(heliograph.ChannelMessageTooBig):
        await channel.send(LARGE)


async def test_there_is_a_largest_message(rtc: FakeDataChannel, channel: Channel) -> None:
    rtc.emit("message", Splitting.hello())
    with pytest.raises(heliograph.ChannelMessageTooBig) as caught:
        await channel.send(b"x" * (MAX_SPLIT_MESSAGE_BYTES + 1))
    assert caught.value.limit == MAX_SPLIT_MESSAGE_BYTES
    assert rtc.sent == []


async def test_a_peer_that_takes_next_to_nothing_gets_no_fragments(rtc: FakeDataChannel) -> None:
    channel = Channel(rtc, peer_id="Worker-1", max_message_bytes=lambda: 100)
    rtc.emit("message", Splitting.hello())
    with pytest.raises(heliograph.ChannelMessageTooBig):
        await channel.send(b"x" * 101)


async def test_messages_do_not_get_between_the_pieces_of_another(
    rtc: FakeDataChannel, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain_at_once(rtc, monkeypatch)
    rtc.emit("message", Splitting.hello())
    await asyncio.gather(channel.send(LARGE), channel.send("small"), channel.send(LARGE.encode()))
    other = Splitting(reliable=True)
    assert [joined for frame in rtc.sent if (joined := other.take(frame)) is not None] == [
        LARGE,
        "small",
        LARGE.encode(),
    ]


async def test_who_is_cancelled_amid_a_message_gives_it_up(rtc: FakeDataChannel, channel: Channel) -> None:
    rtc.emit("message", Splitting.hello())
    sending = asyncio.create_task(channel.send(b"x" * 4_000_000))  # more than the buffer takes
    await settle()
    while rtc.bufferedAmount <= module.SEND_HIGH_BYTES:  # noqa: ASYNC110 - the fake has no event for it
        await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    last = rtc.sent[-1]
    assert isinstance(last, bytes)
    assert isinstance(decode_split_frame(last), Abandoned)


async def test_closing_lets_a_message_that_has_begun_go_out_whole(
    rtc: FakeDataChannel, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain_at_once(rtc, monkeypatch)
    rtc.emit("message", Splitting.hello())
    sending = asyncio.create_task(channel.send(LARGE))
    await settle()
    await channel.close()
    await sending
    other = Splitting(reliable=True)
    assert [joined for frame in rtc.sent if (joined := other.take(frame)) is not None] == [LARGE]


async def test_a_broken_fragment_closes_the_channel(rtc: FakeDataChannel, channel: Channel) -> None:
    rtc.emit("message", "before")
    rtc.emit("message", SPLIT_MAGIC)
    assert rtc.readyState == "closed"
    assert await channel.receive() == "before"
    with pytest.raises(heliograph.ChannelFormatError, match="Worker-1"):
        await channel.receive()


async def test_what_is_incomplete_counts_as_unread(
    rtc: FakeDataChannel, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "CHANNEL_BYTES", 100_000)
    _, frames = Splitting(reliable=True).frames(b"x" * 150_000, MAX_MESSAGE_BYTES)
    rtc.emit("message", next(frames))
    rtc.emit("message", next(frames))
    rtc.emit("message", "one more")
    assert channel.is_closed
    with pytest.raises(heliograph.ReceiveOverflow):
        await channel.receive()


async def test_who_waits_for_the_hello_learns_of_the_end(channel: Channel) -> None:
    sending = asyncio.create_task(channel.send(LARGE))
    await settle()
    channel.abandon(heliograph.ConnectionLost("gone"))
    with pytest.raises(heliograph.ConnectionLost):
        await sending

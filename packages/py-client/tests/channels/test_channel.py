"""Sending and receiving on one channel, over a data channel in memory."""

import asyncio

import pytest

import heliograph
from heliograph.channels import channel as module
from heliograph.channels import unread
from heliograph.channels.channel import SEND_HIGH_BYTES, SEND_LOW_BYTES, Channel

from .fake import FakeDataChannel, settle


@pytest.fixture
def rtc() -> FakeDataChannel:
    return FakeDataChannel()


@pytest.fixture
async def channel(rtc: FakeDataChannel) -> Channel:
    return Channel(rtc, peer_id="Worker-1")


async def test_messages_are_sent_as_they_are(rtc: FakeDataChannel, channel: Channel) -> None:
    await channel.send("text")
    await channel.send(b"bytes")
    await channel.send(bytearray(b"array"))
    await channel.send(memoryview(b"view"))
    assert rtc.sent == ["text", b"bytes", b"array", b"view"]


async def test_sending_waits_for_the_channel_to_open() -> None:
    rtc = FakeDataChannel("connecting")
    channel = Channel(rtc, peer_id="Worker-1")
    sending = asyncio.create_task(channel.send("early"))
    await settle()
    assert rtc.sent == []
    rtc.open()
    await sending
    assert rtc.sent == ["early"]


async def test_sending_waits_while_too_much_is_buffered(rtc: FakeDataChannel, channel: Channel) -> None:
    rtc.bufferedAmount = SEND_HIGH_BYTES + 1
    sending = asyncio.create_task(channel.send("next"))
    await settle()
    assert rtc.sent == []
    rtc.drain(SEND_LOW_BYTES + 1)
    await settle()
    assert rtc.sent == []
    rtc.drain(SEND_LOW_BYTES)
    await sending
    assert rtc.sent == ["next"]


async def test_a_loop_of_sends_lets_others_run(channel: Channel) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(other())
    for _ in range(10):
        await channel.send("x")
    running.cancel()
    assert turns >= 9


async def test_a_sender_that_waits_learns_of_the_close(rtc: FakeDataChannel, channel: Channel) -> None:
    rtc.bufferedAmount = SEND_HIGH_BYTES + 1
    sending = asyncio.create_task(channel.send("next"))
    await settle()
    rtc.closed_by_peer()
    with pytest.raises(heliograph.ChannelClosed):
        await sending


@pytest.mark.parametrize("message", ["x" * 262_145, b"x" * 262_145, "\N{SNOWMAN}" * 90_000])
async def test_too_big_a_message_is_refused(rtc: FakeDataChannel, channel: Channel, message: str | bytes) -> None:
    with pytest.raises(heliograph.ChannelMessageTooBig) as caught:
        await channel.send(message)
    assert caught.value.limit == heliograph.MAX_MESSAGE_BYTES == 262_144
    assert rtc.sent == []


async def test_the_largest_message_is_sent(rtc: FakeDataChannel, channel: Channel) -> None:
    await channel.send(b"x" * 262_144)
    assert len(rtc.sent) == 1


async def test_the_peers_own_limit_counts(rtc: FakeDataChannel) -> None:
    channel = Channel(rtc, peer_id="Worker-1", max_message_bytes=lambda: 1000)
    with pytest.raises(heliograph.ChannelMessageTooBig):
        await channel.send(b"x" * 1001)


async def test_iterating_gives_every_message_and_ends_with_the_channel(rtc: FakeDataChannel, channel: Channel) -> None:
    for message in ("one", b"two", ""):
        rtc.emit("message", message)
    rtc.closed_by_peer()
    assert [message async for message in channel] == ["one", b"two", ""]
    with pytest.raises(heliograph.ChannelClosed):
        await channel.receive()


async def test_a_reader_that_waits_gets_the_next_message(rtc: FakeDataChannel, channel: Channel) -> None:
    receiving = asyncio.create_task(channel.receive())
    await settle()
    rtc.emit("message", "hello")
    assert await receiving == "hello"


async def test_a_lost_connection_is_raised_after_what_had_come(rtc: FakeDataChannel, channel: Channel) -> None:
    rtc.emit("message", "last")
    channel.abandon(heliograph.ConnectionLost("gone"))
    messages = aiter(channel)
    assert await anext(messages) == "last"
    with pytest.raises(heliograph.ConnectionLost):
        await anext(messages)


async def test_more_unread_than_the_bound_closes_the_channel(
    rtc: FakeDataChannel, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "CHANNEL_BYTES", 1000)
    for number in range(20):
        rtc.emit("message", f"{number:100}")
    assert channel.is_closed
    assert rtc.readyState == "closed"
    for number in range(6):
        assert int(await channel.receive()) == number
    with pytest.raises(heliograph.ReceiveOverflow):
        await channel.receive()


async def test_reading_makes_room_again(
    rtc: FakeDataChannel, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "CHANNEL_BYTES", 1000)
    for number in range(50):
        rtc.emit("message", f"{number:100}")
        assert int(await channel.receive()) == number
    assert not channel.is_closed


async def test_closing_sends_what_is_buffered_first(rtc: FakeDataChannel, channel: Channel) -> None:
    await channel.send("last words")
    closing = asyncio.create_task(channel.close())
    await settle()
    assert rtc.readyState == "open"
    rtc.drain()
    await closing
    assert channel.is_closed


async def test_closing_does_not_wait_for_ever(
    rtc: FakeDataChannel, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH_TIMEOUT_S", 0.01)
    monkeypatch.setattr(module, "CLOSE_TIMEOUT_S", 0.01)
    rtc.confirms_close = False
    await channel.send("never goes out")
    await channel.close()
    assert channel.is_closed


async def test_closing_twice_is_fine(channel: Channel) -> None:
    await channel.close()
    await channel.close()
    with pytest.raises(heliograph.ChannelClosed):
        await channel.send("too late")


async def test_a_channel_that_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_TIMEOUT_S", 0.01)
    with pytest.raises(heliograph.ChannelClosed, match="did not open"):
        async with Channel(FakeDataChannel("connecting"), peer_id="Worker-1"):
            pytest.fail("it is not open")


async def test_who_gives_up_waiting_for_a_channel_closes_it() -> None:
    rtc = FakeDataChannel("connecting")
    channel = Channel(rtc, peer_id="Worker-1")
    entering = asyncio.create_task(channel.__aenter__())
    await settle()
    entering.cancel()
    await asyncio.wait([entering])
    assert entering.cancelled()
    assert rtc.readyState == "closed"
    assert channel.is_closed


async def test_whoever_closes_may_be_cancelled_and_the_channel_is_closed(
    rtc: FakeDataChannel, channel: Channel
) -> None:
    await channel.send("never goes out")
    closing = asyncio.create_task(channel.close())
    await settle()
    assert rtc.readyState == "open"
    closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled()
    assert rtc.readyState == "closed"
    assert channel.is_closed

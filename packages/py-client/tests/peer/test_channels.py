"""Channels over real aiortc connections: every kind of them, and messages of every size."""

import asyncio

import msgspec
import pytest

import heliograph
from heliograph import worker as worker_module
from heliograph.channels import unread
from heliograph.testing import connected, cut_path, pair
from heliograph_protocol.splitting import MAX_SPLIT_MESSAGE_BYTES, SPLIT_MAGIC, SPLIT_PROTOCOL

LIMIT_S = 30


class Job(msgspec.Struct):
    name: str
    weights: bytes = b""


SMALL = ["text", b"bytes", "", b"", SPLIT_MAGIC, b"x" * 10_000]
LARGE = ["\N{SNOWMAN}" * 300_000, b"x" * 262_145, b"y" * 1_000_000]


async def opened(connection: heliograph.Connection, label: str = "data") -> heliograph.Channel:
    """The channel with this label that the other side has opened."""
    while (channel := await connection.accept_channel()).label != label:
        pass
    return channel


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        ({}, SMALL + LARGE),
        ({"ordered": False}, SMALL + LARGE),
        ({"max_lifetime_ms": 5000}, SMALL + LARGE),
        ({"max_retransmits": 2}, SMALL),  # a burst of fragments overruns the socket, and then some are lost for good
        ({"ordered": False, "max_retransmits": 0}, SMALL),
    ],
    ids=["default", "unordered", "lifetime", "retransmits", "no retransmits"],
)
async def test_every_kind_of_channel(options: dict[str, int], messages: list[str | bytes]) -> None:
    async with pair() as (near, far), asyncio.timeout(LIMIT_S):
        channel = near.channel("data", **options)  # type: ignore[call-overload]
        await channel.send("first")
        other = await opened(far)
        assert await other.receive() == "first"
        for message in messages:
            await channel.send(message)
            assert await other.receive() == message
            await other.send(message)
            assert await channel.receive() == message


async def test_the_largest_message_goes_through_and_closing_delivers_it() -> None:
    content = bytes(range(256)) * (MAX_SPLIT_MESSAGE_BYTES // 256)
    async with pair() as (near, far), asyncio.timeout(LIMIT_S):
        async with near.channel("data") as channel:
            await channel.send(content)
        other = await opened(far)
        assert [message async for message in other] == [content]


async def test_a_peer_that_does_not_know_of_splitting_sees_an_ordinary_channel() -> None:
    """The other side's aiortc channel as it is, without this SDK."""
    async with pair() as (near, far), asyncio.timeout(LIMIT_S):
        seen: asyncio.Queue[str | bytes] = asyncio.Queue()
        arrived = []

        def take(rtc: object) -> None:
            arrived.append(rtc)
            rtc.on("message", seen.put_nowait)  # type: ignore[attr-defined]

        pc = far._rtc._pc
        pc.remove_all_listeners("datachannel")
        pc.on("datachannel", take)
        channel = near.channel("data")
        for message in ("text", b"bytes", b"x" * heliograph.MAX_MESSAGE_BYTES):
            await channel.send(message)
            assert await seen.get() == message
        assert arrived[0].protocol == SPLIT_PROTOCOL  # type: ignore[attr-defined]
        arrived[0].send("back")  # type: ignore[attr-defined]
        assert await channel.receive() == "back"


async def test_typed_channels_between_a_client_and_a_worker() -> None:
    worker = heliograph.Worker("http://127.0.0.1:1", room="r", token="t", peer_id="Worker-1")

    @worker.on_channel("jobs", type=Job)
    async def work(jobs: heliograph.TypedChannel[Job]) -> None:
        async for job in jobs:
            await jobs.send(Job(job.name.upper(), job.weights))

    async with connected(worker) as connection, asyncio.timeout(LIMIT_S):
        async with connection.channel("jobs", type=Job) as jobs:
            job = Job("train", b"\x00" * 500_000)
            await jobs.send(job)
            assert await jobs.receive() == Job("TRAIN", job.weights)
        raw = connection.open_channel("jobs")
        await raw.send('{"name": 1}')
        with pytest.raises(heliograph.ChannelClosed):
            await raw.receive()


@pytest.mark.parametrize(
    ("label", "options"),
    [
        ("\N{SNOWMAN}", {}),
        ("x" * 65_536, {}),
        ("data", {"max_retransmits": 1, "max_lifetime_ms": 1}),
        ("data", {"max_retransmits": -1}),
        ("data", {"max_retransmits": 65_536}),
        ("data", {"max_lifetime_ms": 0}),
        ("data", {"max_lifetime_ms": 65_536}),
        ("data", {"protocol": "\N{SNOWMAN}"}),
    ],
)
async def test_what_aiortc_would_get_wrong_is_refused(label: str, options: dict[str, int]) -> None:
    async with pair() as (near, _):
        with pytest.raises(heliograph.ConfigurationError):
            near.open_channel(label, **options)  # type: ignore[arg-type]


async def test_so_many_handlers_run_at_once_and_further_channels_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "MAX_HANDLERS", 2)
    worker = heliograph.Worker("http://127.0.0.1:1", room="r", token="t", peer_id="Worker-1")
    running, most = 0, 0

    @worker.on_channel("jobs")
    async def work(channel: heliograph.Channel) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await channel.send("running")
        await channel.receive()
        running -= 1

    async with connected(worker) as connection, asyncio.timeout(LIMIT_S):
        channels = [connection.open_channel("jobs") for _ in range(5)]
        for channel in channels:
            assert await channel.receive() == "running"
            await channel.send("done")
    assert most == 2


async def test_everybody_who_waits_for_a_channel_learns_of_the_end() -> None:
    async with pair() as (near, far), asyncio.timeout(LIMIT_S):
        await opened(far, "chat")
        waiting = [asyncio.create_task(far.accept_channel()) for _ in range(3)]
        await near.close()
        assert [type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)] == [
            heliograph.ConnectionLost
        ] * 3
        with pytest.raises(heliograph.ConnectionLost):
            await far.accept_channel()


async def test_what_is_unread_counts_for_the_whole_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "CONNECTION_BYTES", 100_000)
    async with pair() as (near, far), asyncio.timeout(LIMIT_S):
        for label in ("one", "two"):
            await near.channel(label).send(b"x" * 60_000)
        one, two = await opened(far, "one"), await opened(far, "two")
        with pytest.raises(heliograph.ReceiveOverflow):
            await two.receive()
        assert await one.receive() == b"x" * 60_000
        assert near.is_connected
        assert far.is_connected


async def test_a_lossy_channel_forgets_what_a_cut_path_swallowed_and_goes_on() -> None:
    async with pair() as (near, far), asyncio.timeout(LIMIT_S):
        channel = near.channel("data", max_retransmits=0)
        await channel.send("first")
        other = await opened(far)
        assert await other.receive() == "first"
        with cut_path(near) as cut:
            await channel.send("lost")
            while not cut.lost_datagrams:  # noqa: ASYNC110 - a counter is all there is
                await asyncio.sleep(0.01)
        received = ""
        while received != "last":  # what follows the loss arrives, once SCTP has noticed it
            await channel.send("last")
            async with asyncio.timeout(5):
                received = str(await other.receive())
            assert received != "lost"

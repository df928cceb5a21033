"""Connections over bad paths: whatever a network does to datagrams, channels, calls and files keep their promises."""

import asyncio
import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import heliograph
from heliograph.testing import Faults, connected, impair_path, pair
from heliograph.testing.impairment import _send_to

LIMIT_S = 60
BAD = {"drop": 0.03, "duplicate": 0.03, "reorder": 0.03, "delay_s": (0.0, 0.01), "hold_s": 0.02}


@pytest.fixture
def worker() -> heliograph.Worker:
    made = heliograph.Worker("http://127.0.0.1:1", room="r", token="t", peer_id="Worker-1")

    @made.on_channel("chat")
    async def echo(channel: heliograph.Channel) -> None:
        async for message in channel:
            await channel.send(message)

    @made.rpc("count")
    async def count(until: int) -> object:
        return list(range(until))

    return made


async def test_messages_and_calls_arrive_in_order_and_once(worker: heliograph.Worker) -> None:
    async with asyncio.timeout(LIMIT_S), connected(worker) as connection:
        with impair_path(connection, Faults(seed=1, **BAD)) as impairment:  # type: ignore[arg-type]
            chat = connection.channel("chat")
            sent = [f"{number}" * 50 for number in range(100)]
            for message in sent:
                await chat.send(message)
            assert [await chat.receive() for _ in sent] == sent
            results = await asyncio.gather(*(connection.call("count", n, returns=list[int]) for n in range(20)))
            assert [len(result) for result in results] == list(range(20))
        assert impairment.lost_datagrams


async def test_a_file_arrives_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4608  # more than a checkpoint
    source = tmp_path / "source.bin"
    source.write_bytes(content)
    async with asyncio.timeout(LIMIT_S), pair() as (near, far):
        async with heliograph.receive_files(far, into=tmp_path / "inbox") as files:
            with impair_path(near, Faults(seed=2, drop=0.005, delay_s=(0.0, 0.002))) as impairment:
                sent, received = await asyncio.gather(near.send_file(source), anext(aiter(files)))
        assert sent.sha256 == received.sha256 == hashlib.sha256(content).hexdigest()
        assert impairment.lost_datagrams


async def test_what_is_late_may_find_the_socket_closed() -> None:
    """While a connection closes, it still knows of those of its sockets that are closed already."""
    loop = asyncio.get_running_loop()
    closed = loop.create_future()

    class Socket(asyncio.DatagramProtocol):
        transport: asyncio.DatagramTransport
        receiver: Any = SimpleNamespace(_protocols=[])

        def connection_lost(self, error: Exception | None) -> None:
            closed.set_result(error)

    transport, protocol = await loop.create_datagram_endpoint(Socket, local_addr=("127.0.0.1", 0))
    protocol.transport = transport
    protocol.receiver._protocols.append(protocol)
    address = transport.get_extra_info("sockname")
    transport.abort()
    await closed
    _send_to(protocol, b"late", address)


async def test_with_certainty_nothing_arrives_until_it_is_restored(worker: heliograph.Worker) -> None:
    async with asyncio.timeout(LIMIT_S), connected(worker) as connection:
        chat = connection.channel("chat")
        impairment = impair_path(connection, Faults(drop=1.0))
        await chat.send("late")
        waiting = asyncio.ensure_future(chat.receive())
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()
        assert impairment.lost_datagrams
        impairment.restore()
        assert await waiting == "late"

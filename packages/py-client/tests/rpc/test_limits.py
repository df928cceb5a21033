"""Many calls, large ones, and callers that break the rules, over real connections."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import heliograph
from heliograph.rpc import callee, endpoint
from heliograph.rpc.caller import STREAM_CREDIT_BYTES
from heliograph.testing import connected, pair


async def test_a_slow_reader_holds_the_stream_back(worker: heliograph.Worker) -> None:
    made = 0
    size = 50_000

    @worker.rpc("flood")
    async def flood(count: int) -> AsyncIterator[str]:
        nonlocal made
        for _ in range(count):
            made += 1
            yield "x" * size

    async with connected(worker) as connection:
        count, furthest = 0, 0
        async for part in connection.stream("flood", 200):
            assert len(part) == size
            count += 1
            furthest = max(furthest, made - count)
        assert count == made == 200
        # What is on its way, the part that went beyond, and the next one that the handler has ready.
        assert furthest <= STREAM_CREDIT_BYTES // size + 3


async def test_calls_beyond_the_limits_wait_and_then_are_refused(
    worker: heliograph.Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callee, "MAX_RUNNING_CALLS", 2)
    monkeypatch.setattr(callee, "MAX_WAITING_CALLS", 3)
    go, running, most = asyncio.Event(), 0, 0

    @worker.rpc("run")
    async def run(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1
        return number

    async with connected(worker) as connection:
        calls = [asyncio.create_task(connection.call("run", number)) for number in range(7)]
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 2:
            done, _ = await asyncio.wait(set(calls) - done, return_when=asyncio.FIRST_COMPLETED)
            done = {call for call in calls if call.done()}
        go.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert results[:5] == [0, 1, 2, 3, 4]
    assert [type(result) for result in results[5:]] == [heliograph.TooManyCalls] * 2
    assert most == 2


async def test_hundreds_of_calls_at_once_keep_their_answers_apart(worker: heliograph.Worker) -> None:
    @worker.rpc("double")
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    async with connected(worker) as connection, asyncio.TaskGroup() as group:
        calls = [group.create_task(connection.call("double", number)) for number in range(160)]
    assert [call.result() for call in calls] == [number * 2 for number in range(160)]


async def test_what_cannot_be_sent_is_an_error_here(worker: heliograph.Worker) -> None:
    @worker.rpc("size")
    async def size(content: str) -> int:
        return len(content)

    @worker.rpc("too much")
    async def too_much() -> str:
        return "x" * (16 * 1024 * 1024)

    async with connected(worker) as connection:
        with pytest.raises(TypeError):
            await connection.call("size", object())
        with pytest.raises(heliograph.ChannelMessageTooBig):
            await connection.call("size", "x" * (16 * 1024 * 1024))
        with pytest.raises(heliograph.HandlerFailed, match="cannot be sent"):
            await connection.call("too much")
        assert await connection.call("size", "x" * 1_000_000) == 1_000_000


async def test_a_caller_that_breaks_the_format_loses_the_channel_and_nothing_else() -> None:
    async with pair() as (near, far):

        @far.rpc("ping")
        async def ping() -> str:
            return "pong"

        for frame in ("nonsense", b"bytes", '{"type":"result","id":0,"value":1}', "[" * 100_000):
            channel = await near._open_rpc_channel()
            await channel.send(frame)
            assert [message async for message in channel] == []
        assert await near.call("ping") == "pong"


async def test_a_caller_that_opens_channel_after_channel_is_held_to_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new one ends the one before, whose handlers take their time; beyond the bound channels are closed."""
    monkeypatch.setattr(endpoint, "MAX_ENDING_CHANNELS", 2)
    cleaned = asyncio.Event()
    async with pair() as (near, far):

        @far.rpc("linger")
        async def linger() -> AsyncIterator[int]:
            try:
                yield 1
                await asyncio.Event().wait()
            finally:
                await cleaned.wait()

        @far.rpc("ping")
        async def ping() -> str:
            return "pong"

        for _ in range(3):
            channel = await near._open_rpc_channel()
            await channel.send('{"type":"call","id":0,"method":"linger","credit":9}')
            assert await channel.receive() == '{"type":"part","id":0,"value":1}'
        refused = await near._open_rpc_channel()
        assert [message async for message in refused] == []
        cleaned.set()
        async with asyncio.timeout(10):
            await asyncio.wait(set(far._rpc._former))
        assert await near.call("ping") == "pong"

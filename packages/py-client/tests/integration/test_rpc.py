"""Remote calls through the real server: workers, sessions, and what becomes of calls when a peer goes."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

import heliograph


async def test_a_client_calls_a_worker_and_the_worker_calls_back(where: dict[str, Any]) -> None:
    worker = heliograph.Worker(**where, peer_id="Worker-1")

    @worker.rpc("greet")
    async def greet(greeting: str, caller: heliograph.Connection) -> str:
        return f"{greeting} {await caller.call('name', returns=str)}"

    meeting: AbstractAsyncContextManager[heliograph.Session] = heliograph.connect(**where)
    async with worker, meeting as session, asyncio.timeout(30):

        @session.rpc("name")
        async def name() -> str:
            return session.peer_id

        async with await session.connect("Worker-1") as connection:
            assert await connection.call("greet", "hello") == f"hello {session.peer_id}"


async def test_a_worker_that_leaves_interrupts_its_calls(where: dict[str, Any]) -> None:
    worker = heliograph.Worker(**where, peer_id="Worker-1")
    started, stopped = asyncio.Event(), asyncio.Event()

    @worker.rpc("run")
    async def run() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with asyncio.timeout(30):
        async with worker:
            client = heliograph.connect(**where, peer="Worker-1")
            connection = await client.__aenter__()
            calling = asyncio.create_task(connection.call("run", timeout_s=None))
            await started.wait()
        with pytest.raises(heliograph.CallInterrupted):
            await calling
        assert stopped.is_set()
        await client.__aexit__(None, None, None)

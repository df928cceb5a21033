"""What users write, with the types that checkers find in it; nothing here is run."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, assert_type

import msgspec

import heliograph
from heliograph.testing import Faults, MemoryRoom, connected, cut_path, impair_path, pair


class Job(msgspec.Struct):
    """What is sent to a worker."""

    name: str
    steps: int = 1


class Progress(msgspec.Struct):
    """What comes back."""

    step: int
    loss: float


worker = heliograph.Worker(tags=["gpu"], properties={"gpu_memory_mb": 16_384})


@worker.on_channel("chat")
async def echo(channel: heliograph.Channel) -> None:
    async for message in channel:
        assert_type(message, str | bytes)
        await channel.send(message)


@worker.on_channel("jobs", type=Job)
async def work(jobs: heliograph.TypedChannel[Job]) -> None:
    async for job in jobs:
        assert_type(job, Job)
        await jobs.send(Job(job.name, job.steps + 1))


@worker.rpc("add")
async def add(a: int, b: int) -> int:
    return a + b


@worker.rpc("train")
async def train(job: Job, caller: heliograph.Connection) -> AsyncIterator[Progress]:
    await caller.call("log", f"{job.name} begins")
    for step in range(job.steps):
        yield Progress(step, 1 / (step + 1))


async def use(link: str) -> None:
    async with heliograph.connect(link, peer="Worker-1") as connection:
        assert_type(connection, heliograph.Connection)
        assert_type(await connection.call("add", 1, b=2, returns=int), int)
        assert_type(await connection.call("add", 1, 2), Any)
        async for progress in connection.stream("train", Job("a"), returns=Progress):
            assert_type(progress, Progress)
        jobs = connection.channel("jobs", type=Job)
        assert_type(jobs, heliograph.TypedChannel[Job])
        assert_type(await jobs.receive(), Job)
        assert_type(connection.channel("states", ordered=False, max_retransmits=0), heliograph.Channel)
        sent = await heliograph.send_file(connection, Path("photo.jpg"))
        print(sent.sha256)


async def pool(link: str) -> None:
    async with heliograph.connect(link) as session:
        assert_type(session, heliograph.Session)

        @session.rpc("log")
        async def log(line: str) -> None:
            print(line)

        assert_type(await log("kept as it was"), None)
        assert_type(await session.discover(role="worker", gpu_memory_mb={"$gte": 8192}), list[heliograph.Peer])
        async with session.claim(role="worker") as claim, await session.connect(claim.peer_id) as connection:
            try:
                await connection.call("train", timeout_s=None)
            except heliograph.CallInterrupted as error:
                assert_type(error.code, str)
            except heliograph.RpcError as error:
                assert_type(error.peer_id, str | None)


async def keep(link: str, id_token: str) -> None:
    async def token() -> str:
        return id_token

    async with heliograph.Worker(link, id_token=token, keep_room=True) as keeper:
        async for event in keeper.events():
            match event:
                case heliograph.RoomRecreated(room=room):
                    assert_type(room, heliograph.Room)
                case heliograph.PeerMessage(payload=payload):
                    print(payload)
                case _:
                    pass


async def watch(connection: heliograph.Connection) -> None:
    async for event in connection.events():
        match event:
            case heliograph.Reconnecting(cause=cause):
                assert_type(cause, heliograph.HeliographError)
            case heliograph.Reconnected(kept=kept):
                assert_type(kept, bool)


async def fetch(source: heliograph.Worker | heliograph.Connection) -> None:
    async with heliograph.receive_files(source, into="inbox", max_bytes=10**9) as files:
        async for file in files:
            assert_type(file, heliograph.ReceivedFile)


async def try_out() -> None:
    async with connected(worker, room=MemoryRoom(faults=Faults(drop=0.1, seed=1))) as connection:
        with cut_path(connection) as cut:
            assert_type(cut.lost_datagrams, int)
        with impair_path(connection, Faults(drop=0.05, delay_s=(0.01, 0.03))) as impairment:
            assert_type(impairment.lost_datagrams, int)
    async with pair() as (near, far):
        assert_type((near, far), tuple[heliograph.Connection, heliograph.Connection])

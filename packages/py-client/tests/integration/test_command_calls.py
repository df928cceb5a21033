"""`heliograph worker` with something to serve, and `heliograph call`, as processes against a real server."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from processes import gone, is_alive

import heliograph

from .commands import Program, output, until_event, worker

FUNCTIONS = """
import asyncio, time
from collections.abc import AsyncIterator

async def add(a: int, b: int) -> int:
    return a + b

async def train(steps: int) -> AsyncIterator[dict[str, float]]:
    for step in range(1, steps + 1):
        yield {"step": step, "loss": 1 / step}

async def forever() -> AsyncIterator[str]:
    yield "started"
    await asyncio.Event().wait()

def wait(seconds: float = 0) -> None:
    time.sleep(seconds)

def fail() -> None:
    raise ValueError("secret detail")
"""


@pytest.fixture
def link(server: Any, room: heliograph.Room) -> str:
    return f"{server.url}/#room={room.room_id}&token={room.token}"


@pytest.fixture
def here(tmp_path: Path, link: str) -> dict[str, Any]:
    """The environment with the room, and with the module `jobs`."""
    (tmp_path / "jobs.py").write_text(FUNCTIONS)
    return {"PYTHONPATH": str(tmp_path), "HELIOGRAPH_URL": link}


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_functions_of_a_module(program: Program, here: dict[str, Any], link: str) -> None:
    served = ("jobs:add", "teach=jobs:train")
    offers = ("--tag", "gpu", "--property", "gpu_memory_mb=16384", "--jobs", "3")
    async with worker(program, *served, *offers, **here) as (process, ready):
        assert ready["methods"] == ["add", "teach"]
        async with heliograph.connect(link) as session:
            [peer] = await session.discover(role="worker")
            assert peer.metadata.properties == {"max_claims": 3, "gpu_memory_mb": 16384}
            assert peer.metadata.tags == ["gpu"]
        wanted = ("--where", "gpu_memory_mb>=8192", "--tag", "gpu")
        added, streamed, told = await asyncio.gather(
            output(program, "call", "add", "1", "2", *wanted, **here),
            output(program, "call", "teach", "--input", "-", stdin=b'{"steps": 2}', **here),
            output(program, "call", "teach", "steps:=2", "--json", "--peer", ready["peer_id"], **here),
        )
        assert added == (0, "3\n", "")
        assert streamed == (0, '{"step":1,"loss":1.0}\n{"step":2,"loss":0.5}\n', "")
        assert lines(told[1]) == [
            {"event": "connected", "peer_id": ready["peer_id"]},
            {"event": "part", "value": {"step": 1, "loss": 1.0}},
            {"event": "part", "value": {"step": 2, "loss": 0.5}},
            {"event": "end", "parts": 2},
        ]
        ended = await until_event(process, "job_ended")
        assert (ended["outcome"], ended["exit_code"]) == ("done", None)


async def test_a_worker_whose_output_nobody_reads_any_more_serves_on(program: Program, here: dict[str, Any]) -> None:
    async with worker(program, "jobs:wait", "jobs:add", **here) as (process, _):
        process._transport.get_pipe_transport(1).close()
        for _ in range(3):
            assert await output(program, "call", "wait", **here) == (0, "", "")
            assert await output(program, "call", "add", "1", "2", **here) == (0, "3\n", "")
        process.terminate()
        assert await process.wait() == 0
        lost = (await process.stderr.read()).decode()
    assert lost == "WARNING heliograph.cli.output output.lost reason=[Errno 32] Broken pipe\n"


async def test_arguments_that_are_too_large_are_wrong_usage(
    program: Program, here: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "large.txt").write_text("x" * 17_000_000)
    async with worker(program, "jobs:add", **here):
        code, _, err = await output(program, "call", "add", f"a=@{tmp_path / 'large.txt'}", "b=", **here)
    assert code == 2
    assert "is over the limit of 16,777,216 bytes" in err


async def test_what_goes_wrong_with_a_call(program: Program, here: dict[str, Any]) -> None:
    cases = {
        ("add", "a=1", "b=2"): (8, "InvalidArguments", "name:=value sends JSON"),
        ("fail",): (8, "HandlerFailed", "The log of the peer"),
        ("wait", "5", "--timeout", "0.2"): (8, "CallTimeout", ""),
        ("add", "1", "2", "--tag", "tpu"): (5, "NoPeerAvailable", "--wait"),
        ("add", "1", "2", "--peer", "Worker-9", "--wait", "1"): (5, "PeerNotFound", "heliograph peers"),
    }
    async with worker(program, "jobs:add", "jobs:wait", "jobs:fail", "--jobs", "9", **here):
        said = await asyncio.gather(*(output(program, "call", *case, "--json", **here) for case in cases))
    for (code, _, err), (expected, kind, hint) in zip(said, cases.values(), strict=True):
        error = json.loads(err)
        assert (code, error["error"], error["exit_code"]) == (expected, kind, expected)
        assert hint in (error["hint"] or "")
        assert "secret detail" not in err


async def test_waiting_for_a_worker_that_comes_later(program: Program, here: dict[str, Any], link: str) -> None:
    async with heliograph.connect(link) as session:
        events = session.events()
        async with program("-m", "heliograph", "call", "add", "1", "2", "--wait", "30", **here) as calling:
            async for event in events:
                if isinstance(event, heliograph.PeerJoined):
                    break
            async with worker(program, "jobs:add", **here):
                out, err = await calling.communicate()
    assert (calling.returncode, out, err) == (0, b"3\n", b"")


async def test_ctrl_c_stops_the_method_and_gives_the_worker_back(
    program: Program, here: dict[str, Any], link: str
) -> None:
    async with worker(program, "jobs:forever", **here) as (process, ready), heliograph.connect(link) as session:
        async with program("-m", "heliograph", "call", "forever", **here) as calling:
            assert await calling.stdout.readline() == b"started\n"
            with pytest.raises(heliograph.NoPeerAvailable):
                await session.claim(role="worker")
            calling.send_signal(signal.SIGINT)
            assert await calling.wait() == 130
            assert await calling.stderr.read() == b""
        assert (await until_event(process, "job_ended"))["outcome"] == "cancelled"
        async with session.claim(role="worker", wait_s=10) as claim:
            assert claim.peer_id == ready["peer_id"]


async def test_a_command_for_each_job(program: Program, here: dict[str, Any], link: str, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text('cat; echo; echo "$HELIOGRAPH_METHOD of $HELIOGRAPH_CALLER" >&2; exit 3\n')
    bait = f"$(touch {tmp_path}/bitten); `touch {tmp_path}/bitten`; --help"
    async with worker(program, "--exec", f"sh '{script}'", "--exec", "ok=true", **here) as (process, ready):
        assert ready["methods"] == ["run", "ok"]
        code, out, err = await output(program, "call", "run", f"a={bait}", "b:=[1]", **here)
        assert code == 8
        assert json.loads(out) == {"a": bait, "b": [1]}
        assert not (tmp_path / "bitten").exists()
        told, said = err.splitlines()
        assert told.startswith("run of Client-")
        assert said == "heliograph: The command ended with exit code 3"
        ended = await until_event(process, "job_ended")
        assert (ended["outcome"], ended["exit_code"]) == ("failed", 3)
        async with heliograph.connect(link, peer=ready["peer_id"]) as connection:
            assert [part async for part in connection.stream("ok")] == [{"exit_code": 0}]
            parts = aiter(connection.stream("run"))
            while await anext(parts) != {"exit_code": 3}:
                continue
            with pytest.raises(heliograph.RpcError, match="exit code 3") as failed:
                await anext(parts)
            assert failed.value.code == "COMMAND_FAILED"
            with pytest.raises(heliograph.InvalidArguments, match="too many positional arguments"):
                await anext(aiter(connection.stream("ok", "positional")))


@pytest.mark.parametrize("stopped", ["caller", "worker"])
async def test_whoever_stops_no_process_is_left(
    program: Program, here: dict[str, Any], link: str, stopped: str
) -> None:
    command = "sh -c 'sleep 1000 & echo $! $$; wait'"
    async with (
        worker(program, "--exec", command, **here) as (process, ready),
        heliograph.connect(link, peer=ready["peer_id"]) as connection,
    ):
        parts = aiter(connection.stream("run"))
        pids = [int(word) for word in (await anext(parts))["stdout"].split()]
        assert all(is_alive(pid) for pid in pids)
        if stopped == "worker":
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        else:
            await connection.close()
        for pid in pids:
            await gone(pid)
        with pytest.raises(heliograph.CallInterrupted):
            await anext(parts)

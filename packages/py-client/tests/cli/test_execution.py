"""The commands of a worker: input, output, backpressure, and an end that leaves no process behind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from processes import gone, is_alive

from heliograph.cli.serving import execution
from heliograph.cli.serving.execution import Execution, Part

TIMEOUT_S = 20


@asynccontextmanager
async def running(*words: str, stdin: bytes = b"", **environment: str) -> AsyncIterator[Execution]:
    async with (
        asyncio.timeout(TIMEOUT_S),
        Execution(words, stdin=stdin, environment={**os.environ, **environment}) as it,
    ):
        yield it


async def outcome(*words: str, stdin: bytes = b"", **environment: str) -> tuple[int, list[Part]]:
    async with running(*words, stdin=stdin, **environment) as execution:
        parts = [part async for part in execution.output()]
        return await execution.wait(), parts


def text(parts: list[Part], stream: str) -> str:
    return "".join(part.get(stream, "") for part in parts)


async def test_input_output_and_exit_code() -> None:
    code, parts = await outcome("sh", "-c", 'cat; echo "$WHO" >&2; exit 3', stdin=b'{"a": 1}', WHO="ann")
    assert code == 3
    assert json.loads(text(parts, "stdout")) == {"a": 1}
    assert text(parts, "stderr") == "ann\n"


async def test_input_that_nobody_reads_and_output_that_is_no_text() -> None:
    code, parts = await outcome("printf", "a\\xff\\xc3", stdin=b"x" * 1_000_000)
    assert (code, text(parts, "stdout")) == (0, "a\ufffd\ufffd")


async def test_characters_that_come_in_two_pieces() -> None:
    script = "import os\nfor byte in 'ü€'.encode(): os.write(1, bytes([byte]))"
    _, parts = await outcome(sys.executable, "-c", script)
    assert text(parts, "stdout") == "ü€"


async def test_output_that_is_not_read_stops_the_command(tmp_path: Path) -> None:
    """It writes 10 MB and counts: as long as nobody reads, it comes as far as pipe and queue are wide."""
    script = (
        "import sys\nwith open(sys.argv[1], 'w', buffering=1) as count:\n"
        " for n in range(1, 2501):\n  print('x' * 3999, flush=True); count.write(f'{n}\\n')\n"
    )
    count = tmp_path / "count"
    async with running(sys.executable, "-c", script, str(count)) as execution:
        output = execution.output()
        await anext(output)
        before = 0
        async with asyncio.timeout(TIMEOUT_S):
            while (now := count.stat().st_size) != before or not now:  # until it stands still
                before = now
                await asyncio.sleep(0.2)
        assert int(count.read_text().split()[-1]) * 4000 < 1_000_000
        async for _ in output:
            pass
        assert int(count.read_text().split()[-1]) == 2500
        assert await execution.wait() == 0


@pytest.mark.parametrize("ignores", [False, True])
async def test_giving_up_ends_the_whole_group(monkeypatch: pytest.MonkeyPatch, ignores: bool) -> None:
    monkeypatch.setattr(execution, "STOP_GRACE_S", 0.2)
    script = f"{'trap : TERM; ' if ignores else ''}sleep 1000 & echo $! $$; while :; do wait; done"
    async with running("sh", "-c", script) as it:
        child, parent = (int(word) for word in (await anext(it.output()))["stdout"].split())
        assert is_alive(child)
    await gone(child)
    await gone(parent)


async def test_being_cancelled_again_while_it_ends_kills_at_once(tmp_path: Path) -> None:
    told = tmp_path / "told"
    pids: asyncio.Queue[int] = asyncio.Queue()
    began: list[asyncio.subprocess.Process] = []

    async def work() -> None:
        script = f"trap 'touch {told}' TERM; echo $$; while :; do sleep 0.05; done"
        async with running("sh", "-c", script) as it:
            began.append(it._process)
            await pids.put(int((await anext(it.output()))["stdout"]))
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    pid = await pids.get()
    task.cancel()
    async with asyncio.timeout(TIMEOUT_S):
        while not told.exists():  # noqa: ASYNC110 - a file of another process
            await asyncio.sleep(0.01)
    assert is_alive(pid)  # it is within its time to end by itself
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(pid)
    async with asyncio.timeout(TIMEOUT_S):
        while not began[0]._transport.is_closing():  # type: ignore[attr-defined]  # noqa: ASYNC110 - the loop says nothing
            await asyncio.sleep(0.01)


async def test_what_a_command_leaves_behind_ends_with_it() -> None:
    code, parts = await outcome("sh", "-c", "sleep 1000 & echo $!")
    assert code == 0
    await gone(int(text(parts, "stdout")))


async def test_an_output_that_somebody_outside_the_group_holds_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "DRAIN_TIMEOUT_S", 0.1)
    script = "import os, subprocess\nprint(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid)"
    code, parts = await outcome(sys.executable, "-c", script)
    left = int(text(parts, "stdout"))
    assert (code, is_alive(left)) == (0, True)
    os.kill(left, signal.SIGKILL)


async def test_killed_by_a_signal() -> None:
    assert (await outcome("sh", "-c", "kill -KILL $$"))[0] == -signal.SIGKILL


async def test_a_program_that_is_not_there_leaves_no_descriptor_open() -> None:
    before = descriptors()
    with pytest.raises(FileNotFoundError):
        await outcome("no-such-program")
    assert descriptors() == before


def descriptors() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())

"""Python functions that a worker serves: found by name, and run as jobs."""

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import heliograph
from heliograph.cli.output import Output
from heliograph.cli.serving.functions import as_job, find_function
from heliograph.cli.serving.jobs import Jobs
from heliograph.errors import ConfigurationError
from heliograph.testing import connected

MODULE = "functions_of_a_user"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    return tmp_path


@pytest.fixture
def worker() -> heliograph.Worker:
    return heliograph.Worker("http://127.0.0.1:1", room="r", token="t", peer_id="Worker-1")


def test_functions_are_found_in_the_working_directory(here: Path) -> None:
    (here / f"{MODULE}.py").write_text("def f(): return 7\nclass C:\n  @staticmethod\n  def g(): return 8\n")
    assert find_function(f"{MODULE}:f")() == 7
    assert find_function(f"{MODULE}:C.g")() == 8


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("f", "names no function: module:function"),
        (f"{MODULE}.py:f", f"as a module it is {MODULE}:f"),
        ("no_such_module:f", "cannot be imported: ModuleNotFoundError"),
        (f"{MODULE}:h", "has no 'h'; there are f, g"),
        (f"{MODULE}:N", "is no function"),
        (f"{MODULE}:C.parts", "is a generator: as an async one"),
        (f"{MODULE}:C.typed", "annotations of .* cannot be read: NameError: name 'NoSuchType'"),
        ("builtins:max", "does not say which arguments it takes"),
        (f"{MODULE}_that_exits:f", "cannot be imported: SystemExit: 2"),
    ],
)
def test_what_is_no_function(here: Path, reference: str, words: str) -> None:
    (here / f"{MODULE}.py").write_text(
        "N = 1\ndef f(): ...\ndef g(): ...\ndef _h(): ...\n"
        "class C:\n  @staticmethod\n  def parts(): yield 1\n  @staticmethod\n  def typed(a: 'NoSuchType'): ...\n"
    )
    (here / f"{MODULE}_that_exits.py").write_text("import sys\nsys.exit(2)\n")
    with pytest.raises(ConfigurationError, match=words):
        find_function(reference)


async def test_all_kinds_of_functions_keep_their_annotations(
    worker: heliograph.Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    async def add(a: int, b: int = 1) -> int:
        return a + b

    async def count(to: int, **_: Any) -> AsyncIterator[int]:
        for n in range(to):
            yield n

    def whose(connection: heliograph.Connection) -> str:
        return f"{connection.peer_id} in {threading.current_thread().name}"

    jobs = Jobs(1, Output(as_json=True))
    for function in (add, count, whose):
        worker.rpc(function.__name__)(as_job(function.__name__, function, jobs))
    async with connected(worker) as connection:
        assert await connection.call("add", 1, b=2) == 3
        with pytest.raises(heliograph.InvalidArguments, match="Expected `int`"):
            await connection.call("add", "x")
        assert [n async for n in connection.stream("count", 3, more=1)] == [0, 1, 2]
        assert await connection.call("whose") == "Client-1 in whose for Client-1"
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(event["event"], event["method"], event.get("outcome")) for event in events] == [
        *[("job_started", "add", None), ("job_ended", "add", "done")],
        *[("job_started", "count", None), ("job_ended", "count", "done")],
        *[("job_started", "whose", None), ("job_ended", "whose", "done")],
    ]


async def test_a_function_of_the_standard_library_in_c(worker: heliograph.Worker) -> None:
    worker.rpc("sqrt")(as_job("sqrt", find_function("math:sqrt"), Jobs(1, Output(as_json=True))))
    async with connected(worker) as connection:
        assert await connection.call("sqrt", 9) == 3.0


async def test_a_function_that_exits_has_failed_and_the_next_one_runs(
    worker: heliograph.Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    def parse() -> None:
        sys.exit(2)

    async def parse_later() -> None:
        sys.exit(2)

    jobs = Jobs(1, Output(as_json=True))
    worker.rpc("parse")(as_job("parse", parse, jobs))
    worker.rpc("later")(as_job("later", parse_later, jobs))
    async with connected(worker) as connection:
        for method in ("parse", "later", "parse"):
            with pytest.raises(heliograph.HandlerFailed):
                await connection.call(method)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["outcome"] for event in events if event["event"] == "job_ended"] == ["failed"] * 3


async def test_a_job_that_could_not_be_told_of_gives_its_slot_back() -> None:
    class Unwritable(Output):
        writable = False

        def event(self, event: str, words: str, **fields: object) -> None:
            if not self.writable:
                raise BrokenPipeError(event, words, fields)

    out = Unwritable(as_json=True)
    jobs = Jobs(1, out)
    async with asyncio.timeout(5):
        for _ in range(2):
            with pytest.raises(BrokenPipeError):
                await jobs.in_thread("f", "Client-1", lambda: 7)
        out.writable = True
        assert await jobs.in_thread("f", "Client-1", lambda: 7) == 7


async def test_so_many_jobs_run_at_once(worker: heliograph.Worker) -> None:
    running, most, go = 0, 0, asyncio.Event()

    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1

    worker.rpc("work")(as_job("work", work, Jobs(2, Output(as_json=True))))
    async with connected(worker) as connection, asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(connection.call("work"))
        async with asyncio.timeout(10):
            while running < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        go.set()
    assert most == 2


async def test_a_thread_that_cannot_be_stopped_keeps_its_slot(
    worker: heliograph.Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    go, order = threading.Event(), []

    def block() -> None:
        go.wait(20)
        order.append("blocked")

    def after() -> None:
        order.append("after")

    jobs = Jobs(1, Output(as_json=True))
    worker.rpc("block")(as_job("block", block, jobs))
    worker.rpc("after")(as_job("after", after, jobs))
    async with connected(worker) as connection:
        with pytest.raises(heliograph.CallTimeout):
            await connection.call("block", timeout_s=0.2)
        waiting = asyncio.create_task(connection.call("after"))
        async with asyncio.timeout(10):
            while '"cancelled"' not in capsys.readouterr().out:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert order == []
        go.set()
        await waiting
    assert order == ["blocked", "after"]

"""The `heliograph` command, run as people and other programs run it."""

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .commands import Program, output, until_event, worker

STOP_LIMIT_S = 1.5
"""In which a worker ends, unless the machine is so busy that even the start took longer."""


async def test_creating_a_room(program: Program, server: Any) -> None:
    code, out, _ = await output(program, "room", "create", "--json", HELIOGRAPH_URL=server.url)
    assert code == 0
    created = json.loads(out)
    assert created["link"] == f"{server.url}/#room={created['room_id']}&token={created['token']}"


async def test_a_worker_as_a_child_process(program: Program, server: Any, room: Any) -> None:
    arguments = ["--url", server.url, "--room", room.room_id, "--peer-id", "Worker-7", "--name", "Echo"]
    started_at = time.monotonic()
    async with worker(program, *arguments, HELIOGRAPH_TOKEN=room.token) as (process, ready):
        start_s = time.monotonic() - started_at
        assert ready == {
            "event": "ready",
            "peer_id": "Worker-7",
            "name": "Echo",
            "room_id": room.room_id,
            "url": server.url,
            "link": None,
            "methods": [],
        }
        link = f"{server.url}/#room={room.room_id}&token={room.token}"
        code, out, err = await output(program, "chat", "--url", link, "--json", stdin=b"hello\nworld")
        assert (code, err) == (0, "")
        events = [json.loads(line) for line in out.splitlines()]
        assert [event["text"] for event in events if event["event"] == "message"] == ["hello", "world"]
        stopped_at = time.monotonic()
        process.terminate()
        assert await process.wait() == 0
        assert time.monotonic() - stopped_at < max(STOP_LIMIT_S, start_s), "no time-out has to pass"
        assert b"Traceback" not in await process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_worker_leaves_quietly_while_it_serves(
    program: Program, server: Any, number: signal.Signals
) -> None:
    async with worker(program, "--url", server.url) as (process, ready):
        async with program("-m", "heliograph", "chat", "--url", ready["link"], "--json") as chatting:
            async with asyncio.timeout(30):
                assert json.loads(await chatting.stdout.readline())["event"] == "connected"
                process.send_signal(number)
                assert await process.wait() == (130 if number == signal.SIGINT else 0)
                assert json.loads(await chatting.stdout.readline())["event"] == "closed"
                assert await chatting.wait() == 0
        assert await process.stderr.read() == b""


async def test_sending_a_file_into_a_directory(program: Program, server: Any, tmp_path: Path) -> None:
    content = b"0123456789" * 100_000
    (tmp_path / "a.bin").write_bytes(content)
    inbox = tmp_path / "inbox"
    async with worker(program, "--url", server.url, "--into", str(inbox)) as (process, ready):
        code, out, err = await output(program, "send", str(tmp_path / "a.bin"), "--url", ready["link"], "--json")
        assert (code, err) == (0, "")
        sent = json.loads(out)
        assert sent["sha256"] == hashlib.sha256(content).hexdigest()
        assert sent["peer_id"] == ready["peer_id"]
        async with asyncio.timeout(10):
            while (event := json.loads(await process.stdout.readline()))["event"] != "file_received":
                pass
        assert event["path"] == str(inbox / "a.bin")
    assert (inbox / "a.bin").read_bytes() == content


CLOSING = """
import os, sys
for number in sys.argv[1]:
    os.close(int(number))
os.execv(sys.executable, [sys.executable, "-m", "heliograph", *sys.argv[2:]])
"""
WRITE_ONLY = """
import os, sys
os.dup2(os.open(os.devnull, os.O_WRONLY), 0)
os.execv(sys.executable, [sys.executable, "-m", "heliograph", *sys.argv[1:]])
"""


@pytest.mark.parametrize("closed", ["0", "1", "2", "012"])
async def test_standard_streams_may_be_closed(program: Program, server: Any, closed: str) -> None:
    async with program("-c", CLOSING, closed, "room", "create", HELIOGRAPH_URL=server.url) as process:
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert (b"link" in out) is ("1" not in closed)


@pytest.mark.parametrize("start", [(CLOSING, "0"), (WRITE_ONLY,)], ids=["closed", "unreadable"])
async def test_a_chat_without_a_standard_input_ends(program: Program, server: Any, start: tuple[str, ...]) -> None:
    async with (
        worker(program, "--url", server.url) as (_, ready),
        program("-c", *start, "chat", "--url", ready["link"]) as chatting,
        asyncio.timeout(30),
    ):
        out, err = await chatting.communicate()
    assert (chatting.returncode, out.decode(), err) == (0, f"Connected to {ready['peer_id']}.\n", b"")


async def test_a_line_that_is_too_long_is_wrong_usage(program: Program, server: Any) -> None:
    async with worker(program, "--url", server.url) as (_, ready):
        code, _, err = await output(program, "chat", "--url", ready["link"], stdin=b"x" * 300_000)
    assert code == 2
    assert err.splitlines() == [
        "heliograph: A message of 300,000 bytes is over the limit of 262,144 bytes",
        "Hint: What is larger goes as a file: `heliograph send`.",
    ]


async def test_a_worker_takes_no_more_than_it_wants(program: Program, server: Any, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x" * 2000)
    (tmp_path / "b.bin").write_bytes(b"new")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "b.bin").write_bytes(b"mine")
    options = ("--into", str(inbox), "--max-size", "1k", "--existing", "refuse")
    async with worker(program, "--url", server.url, *options) as (process, ready):
        for name, refusal in (("a.bin", "TOO_BIG"), ("b.bin", "EXISTS")):
            code, _, err = await output(program, "send", str(tmp_path / name), "--url", ready["link"], "--json")
            assert (code, json.loads(err)["code"]) == (7, refusal)
            failed = await until_event(process, "file_failed")
            assert failed["code"] == refusal
    assert [(path.name, path.read_bytes()) for path in inbox.iterdir()] == [("b.bin", b"mine")]


async def test_a_failure_is_a_sentence_a_hint_and_a_code(program: Program, server: Any, room: Any) -> None:
    arguments = ["--room", room.room_id, "--peer", "Worker-9", "--url", server.url]
    code, out, err = await output(program, "chat", *arguments, HELIOGRAPH_TOKEN=room.token)
    assert (code, out) == (5, "")
    assert err.splitlines() == [
        "heliograph: No peer Worker-9 in this room",
        "Hint: `heliograph peers` shows who is there.",
    ]


@pytest.mark.parametrize(
    ("words", "offered"),
    [("heliograph re", ["plain,receive"]), ("heliograph receive --existing ref", ["plain,refuse"])],
)
async def test_the_tab_key(words: str, offered: list[str]) -> None:
    at = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_HELIOGRAPH_COMPLETE": "bash_complete"}
    script = Path(sys.executable).with_name("heliograph")
    process = await asyncio.create_subprocess_exec(script, env={**os.environ, **at}, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert (process.returncode, out.decode().splitlines()) == (0, offered)

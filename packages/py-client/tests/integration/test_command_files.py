"""`heliograph send` and `heliograph receive` as processes against a real server."""

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import heliograph

from .commands import Program, output, until_event
from .terminal import terminal

CONTENT = b"0123456789" * 250_000


@pytest.fixture
def link(server: Any, room: heliograph.Room) -> str:
    return f"{server.url}/#room={room.room_id}&token={room.token}"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """A file, and a directory with two, one of which lies deeper."""
    folder = tmp_path / "outbox"
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "a.bin").write_bytes(CONTENT)
    (folder / "data" / "b.txt").write_text("b")
    (folder / "data" / "deep" / "c.txt").write_text("c")
    return folder


@asynccontextmanager
async def receiving(program: Program, *arguments: str, **environment: str) -> AsyncIterator[Any]:
    """A `heliograph receive --json` that is ready."""
    async with program("-m", "heliograph", "receive", "--json", *arguments, **environment) as process:
        await until_event(process, "ready")
        yield process


def lines(text: str | bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_files_and_directories_of_the_first_sender(
    program: Program, link: str, outbox: Path, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    async with (
        receiving(program, "--once", HELIOGRAPH_URL=link, HELIOGRAPH_INTO=str(inbox)) as receiver,
        heliograph.Worker(link),  # which is no receiver
    ):
        paths = (str(outbox / "a.bin"), str(outbox / "data"))
        code, out, err = await output(program, "send", *paths, "--json", "--url", link)
        assert (code, err) == (0, "")
        sent = [event for event in lines(out) if event["event"] != "progress"]
        assert [(event["event"], event["name"]) for event in sent] == [
            *[("file_sent", "a.bin"), ("file_sent", "b.txt"), ("file_sent", "c.txt"), ("directory_sent", "data")],
        ]
        assert sent[0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
        assert (sent[2]["folder"], sent[3]["files"], sent[3]["size"]) == (["data", "deep"], 2, 2)
        rest, errors = await receiver.communicate()
        assert (receiver.returncode, errors) == (0, b"")
    received = {event["path"] for event in lines(rest) if event["event"] == "file_received"}
    assert received == {str(inbox / name) for name in ("a.bin", "data/b.txt", "data/deep/c.txt")}
    assert (inbox / "a.bin").read_bytes() == CONTENT
    assert (inbox / "data" / "deep" / "c.txt").read_text() == "c"


async def test_a_sender_that_makes_the_room_and_waits(
    program: Program, server: Any, outbox: Path, tmp_path: Path
) -> None:
    sending = ("-m", "heliograph", "send", str(outbox / "a.bin"), "--url", server.url, "--json")
    async with program(*sending) as sender:
        link = (await until_event(sender, "waiting"))["link"]
        arguments = ("--once", "--into", str(tmp_path / "inbox"), "--url", link)
        code, _, err = await output(program, "receive", *arguments)
        assert (code, err) == (0, "")
        assert await sender.wait() == 0
    assert (tmp_path / "inbox" / "a.bin").read_bytes() == CONTENT


async def test_what_cannot_be_read_has_not_arrived(program: Program, server: Any, tmp_path: Path) -> None:
    gone = tmp_path / "gone.bin"
    gone.write_bytes(b"x")
    async with program("-m", "heliograph", "send", str(gone), "--url", server.url, "--json") as sender:
        link = (await until_event(sender, "waiting"))["link"]
        gone.unlink()
        async with receiving(program, "--into", str(tmp_path / "inbox"), "--url", link):
            _, err = await sender.communicate()
    error = json.loads(err)
    assert (sender.returncode, error["exit_code"], error["error"]) == (7, 7, "FileNotFoundError")
    assert error["message"] == f"{gone} cannot be read: No such file or directory"


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
async def test_a_file_whose_name_is_no_utf_8(program: Program, link: str, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"b\xfcrde.txt")
    path.write_bytes(b"b")
    inbox = tmp_path / "inbox"
    async with receiving(program, "--into", str(inbox), "--url", link):
        for options in ((), ("--json",)):
            code, out, err = await output(program, "send", str(path), "--url", link, *options)
            assert (code, err) == (0, "")
            assert "b\ufffdrde.txt" in out
    assert [path.name for path in inbox.iterdir()] == ["b\ufffdrde.txt"]


async def test_what_the_receiver_does_not_want(program: Program, link: str, outbox: Path, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("mine")
    small = outbox / "data" / "b.txt"
    options = ("--max-size", "1M", "--existing", "refuse", "--from", "Client-1", "--into", str(tmp_path))
    where: dict[str, Any] = {"url": link}
    async with receiving(program, *options, "--peer-id", "R", "--url", link) as receiver:
        code, _, err = await output(program, "send", str(outbox / "a.bin"), "--json", "--peer", "R", "--url", link)
        assert (code, json.loads(err)["code"]) == (7, "TOO_BIG")
        assert (await until_event(receiver, "file_failed"))["code"] == "TOO_BIG"
        for sender, refusal in (("Client-2", "NOT_WANTED"), ("Client-1", "EXISTS")):
            async with heliograph.connect(**where, peer_id=sender, peer="R") as connection:
                with pytest.raises(heliograph.TransferRefused) as refused:
                    await connection.send_file(small)
            assert refused.value.code == refusal
            failed = await until_event(receiver, "file_failed")
            assert (failed["code"], failed["peer_id"]) == (refusal, sender)
        receiver.send_signal(signal.SIGTERM)
        assert await receiver.wait() == 0
    assert (tmp_path / "b.txt").read_text() == "mine"


async def test_bars_in_a_terminal_and_an_interrupt(program: Program, link: str, tmp_path: Path) -> None:
    """Both sides show how far it is; Ctrl-C at the sender ends it, and the receiver keeps what it has."""
    large = tmp_path / "[bold]large.bin"  # which is no markup
    with large.open("wb") as file:
        file.truncate(400_000_000)
    async with terminal(program, "receive", "--into", str(tmp_path / "inbox"), "--url", link) as (receiver, there):
        await there.shows("receives into")
        async with terminal(program, "send", str(large), "--url", link) as (sender, here):
            for screen in (here, there):
                await screen.shows("[bold]large.bin")
                await screen.shows("/400.0 MB")
                await screen.shows("MB/s")
            sender.send_signal(signal.SIGINT)
            async with asyncio.timeout(10):
                assert await sender.wait() == 130
            assert here.raw.rindex("\x1b[?25h") > here.raw.rindex("\x1b[?25l")  # the cursor is there again
            assert "Traceback" not in here.text
        await there.shows("did not arrive")
        assert list((tmp_path / "inbox").glob(".heliograph-*.part"))
        receiver.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            assert await receiver.wait() == 130
        assert "Traceback" not in there.text

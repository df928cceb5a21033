"""A path between a page and Python that is cut: another one is dialled, and the connection and its channels go on."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from demo_page import DemoPage, OpenPage

import heliograph
from heliograph.testing import cut_path

TIMEOUT_S = 180
SIZE = 12_000_000
ENOUGH = 3_000_000

PAGE = """
async ([room, token]) => {
  const { connect } = await import('/sdk/index.js');
  window.session = await connect({ room, token, peerId: 'Page-1' });
  window.states = [];
  window.use = (connection) => {
    window.connection = connection;
    connection.on('state', ({ state }) => states.push(state));
    connection.on('channel', ({ channel }) => (window.theirs = channel));
    window.ours = connection.openChannel('of-page');
  };
  session.on('connection', async ({ connection }) => use(await connection.opened()));
}
"""

DIAL = "async (peerId) => use(await session.connect(peerId))"

TALK = """
async (word) => {
  const channels = [ours, theirs, connection.chat];
  for (const channel of channels) await channel.send(`${word} of the page on ${channel.label}`);
  const heard = [];
  for (const channel of channels) heard.push(await channel.receive({ timeoutMs: 120_000 }));
  return heard;
}
"""


class Job(msgspec.Struct):
    """What typed channels carry here."""

    name: str
    weights: bytes = b""


def room_of(link: str) -> list[str]:
    return [pair.partition("=")[2] for pair in link.partition("#")[2].split("&")[:2]]


async def talk(page: DemoPage, channels: list[heliograph.Channel], word: str) -> None:
    """Both sides say something on every channel, and hear what the other one has said."""
    saying = asyncio.ensure_future(page.page.evaluate(TALK, word))
    for channel in channels:
        await channel.send(f"{word} of Python on {channel.label}")
        assert await channel.receive() == f"{word} of the page on {channel.label}"
    assert await saying == [f"{word} of Python on {channel.label}" for channel in channels]


async def connected(
    page: DemoPage, session: heliograph.Session, link: str, *, page_dials: bool
) -> tuple[heliograph.Connection, list[heliograph.Channel]]:
    """A connection, and a channel that the page has opened, one that Python has, and the chat."""
    await page.page.evaluate(PAGE, room_of(link))
    if page_dials:
        dialling = asyncio.ensure_future(page.page.evaluate(DIAL, "Python-1"))
        connection = await session.accept()
        await dialling
    else:
        connection = await session.connect("Page-1")
    theirs = connection.channel("of-python")
    while (ours := await connection.accept_channel()).label != "of-page":
        pass
    await page.page.wait_for_function("() => window.theirs !== undefined")
    return connection, [ours, theirs, connection.channel("chat")]


async def again(events: AsyncIterator[heliograph.ConnectionEvent]) -> bool:
    """Wait until there is another path; whether the other side has kept the connection."""
    async for event in events:
        if isinstance(event, heliograph.Reconnected):
            return event.kept
    raise AssertionError("there was no other path")


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("page_dials", [True, False], ids=["the page dials", "Python dials"])
async def test_the_connection_and_its_channels_go_on(link: str, open_page: OpenPage, page_dials: bool) -> None:
    page = await open_page(link.partition("#")[0])
    async with heliograph.connect(link, peer_id="Python-1") as session, asyncio.timeout(TIMEOUT_S):
        connection, channels = await connected(page, session, link, page_dials=page_dials)
        await talk(page, channels, "before")
        for word in ("after", "after the second"):
            events = connection.events()
            with cut_path(connection):
                assert await again(events)
            await talk(page, channels, word)
        states = await page.page.evaluate("() => states")
        assert states[::2] == ["disconnected"] * (len(states) // 2)
        assert states[1::2] == ["open"] * (len(states) // 2)
        assert len(states) >= 4
        assert await page.page.evaluate("() => [connection.channel('of-page') === ours, ours.state]") == [True, "open"]
        await connection.close()
        await page.page.wait_for_function("() => connection.state === 'closed'")


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("page_dials", [True, False], ids=["the page dials", "Python dials"])
async def test_files_go_on_by_themselves(link: str, open_page: OpenPage, tmp_path: Path, page_dials: bool) -> None:
    source = tmp_path / "python.bin"
    source.write_bytes(random.Random(5).randbytes(SIZE))
    page = await open_page(link.partition("#")[0])
    async with heliograph.connect(link, peer_id="Python-1") as session, asyncio.timeout(TIMEOUT_S):
        connection, _ = await connected(page, session, link, page_dials=page_dials)
        enough = asyncio.Event()
        events = connection.events()
        async with heliograph.receive_files(
            connection, into=tmp_path / "inbox", progress=lambda done, _: enough.set() if done > ENOUGH else None
        ) as files:
            sending = asyncio.ensure_future(
                page.page.evaluate(
                    """async (size) => {
                      const content = new Uint8Array(size).map((_, i) => (i * 31 + (i >> 8)) & 255);
                      return connection.sendFile(new File([content], 'page.bin'));
                    }""",
                    SIZE,
                )
            )
            await enough.wait()
            with cut_path(connection):
                assert await again(events)
            received = await anext(aiter(files))
            assert (await sending)["sha256"] == received.sha256
        assert received.resumed_at >= ENOUGH
        assert received.path is not None
        assert hashlib.sha256(received.path.read_bytes()).hexdigest() == received.sha256
        await page.page.evaluate("() => void (window.receiving = connection.receiveFiles())")
        enough.clear()
        sending = asyncio.ensure_future(
            heliograph.send_file(connection, source, progress=lambda done, _: enough.set() if done > ENOUGH else None)
        )
        await enough.wait()
        with cut_path(connection):
            assert await again(events)
        sent = await sending
        value: dict[str, Any] = await page.page.evaluate("async () => (await receiving.next()).value")
        assert (value["sha256"], value["size"], value["name"]) == (sent.sha256, SIZE, "python.bin")
        assert value["resumedAt"] == sent.resumed_at >= ENOUGH


@pytest.mark.timeout(TIMEOUT_S)
async def test_large_messages_and_values(link: str, open_page: OpenPage) -> None:
    page = await open_page(link.partition("#")[0])
    async with heliograph.connect(link, peer_id="Python-1") as session, asyncio.timeout(TIMEOUT_S):
        connection, [ours, theirs, _] = await connected(page, session, link, page_dials=True)
        echo = """async (name) => {
          const message = await window[name].receive({ timeoutMs: 120_000 });
          await window[name].send(message);
          return message.length;
        }"""
        for name, channel in {"ours": ours, "theirs": theirs}.items():
            for message in ("☀ naïve " * 40_000, random.Random(7).randbytes(1_000_000)):
                echoing = asyncio.ensure_future(page.page.evaluate(echo, name))
                await channel.send(message)
                assert await channel.receive() == message
                assert await echoing == len(message)
        jobs = connection.channel("jobs", type=Job)
        await page.page.wait_for_function("() => theirs.label === 'jobs'")  # or it would open one of its own
        serving = asyncio.ensure_future(
            page.page.evaluate(
                """async () => {
                  const jobs = connection.channel('jobs').json();
                  const job = await jobs.receive({ timeoutMs: 120_000 });
                  await jobs.send({ ...job, name: `${job.name}, done` });
                  await jobs.send({ name: 7 });
                }"""
            )
        )
        await jobs.send(Job("train", b"\x00\xff" * 100_000))
        assert await jobs.receive() == Job("train, done", b"\x00\xff" * 100_000)
        with pytest.raises(heliograph.ChannelFormatError):
            await jobs.receive()
        await serving


@pytest.mark.timeout(TIMEOUT_S)
async def test_directories_both_ways(link: str, open_page: OpenPage, tmp_path: Path) -> None:
    files = {"a.txt": b"A", "deep/er/b.bin": bytes(range(256)) * 9000, "deep/empty": b""}
    for name, content in files.items():
        path = tmp_path / "job" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    page = await open_page(link.partition("#")[0])
    async with heliograph.connect(link, peer_id="Python-1") as session, asyncio.timeout(TIMEOUT_S):
        connection, _ = await connected(page, session, link, page_dials=False)
        await page.page.evaluate(
            """async () => {
              const root = await navigator.storage.getDirectory();
              window.into = await root.getDirectoryHandle('into', { create: true });
              window.receiving = connection.receiveFiles({ into });
            }"""
        )
        sent = await heliograph.send_directory(connection, tmp_path / "job")
        paths = await page.page.evaluate(
            """async (count) => {
              const paths = [];
              while (paths.length < count) {
                const { value } = await receiving.next();
                paths.push([...value.folder, value.name].join('/'));
              }
              await receiving.return();
              return paths.sort();
            }""",
            len(files),
        )
        assert paths == sorted(f"job/{name}" for name in files)
        async with heliograph.receive_files(connection, into=tmp_path / "inbox") as arriving:
            returned = await page.page.evaluate(
                "async () => connection.sendDirectory(await into.getDirectoryHandle('job'), { name: 'back' })"
            )
            arrived = aiter(arriving)
            received = [await anext(arrived) for _ in files]
    assert sorted(str(file.path).removeprefix(f"{tmp_path / 'inbox'}/") for file in received) == [
        "back/a.txt",
        "back/deep/empty",
        "back/deep/er/b.bin",
    ]
    for name, content in files.items():
        assert (tmp_path / "inbox" / "back" / name).read_bytes() == content
    assert sorted(file["sha256"] for file in returned) == sorted(file.sha256 for file in sent)

"""Debian's Firefox: the page and the browser SDK in it, with a Python worker and with Chromium on the other side."""

import asyncio
import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bidi import Session, Tab
from demo_page import OpenPage
from echo import echo_worker
from firefox import running_firefox
from server_process import ServerProcess

import heliograph

SIZE = 3_000_000
CONNECTED = '[data-testid="connection-state"][data-state="open"]'
TIMEOUT_S = 180
NOTICED_S = 5.0

CALL_AND_SEND = """
async (room, token, size) => {
  const { connect } = await import('/sdk/index.js');
  const session = await connect({ room, token, peerId: 'Firefox-1' });
  const received = new Promise((resolve) => {
    session.on('connection', ({ connection }) => connection.on('file', ({ file }) => resolve(file.accept())));
  });
  session.serve('greet', ([name]) => `hello ${name}`);
  const connection = await session.connect('Worker-1');
  const greeting = await connection.call('greet_back', ['Ann']);
  const counted = [];
  for await (const number of connection.stream('count', [5])) counted.push(number);
  const bytes = new Uint8Array(size).map((_, i) => (i * 31 + (i >> 8)) & 255);
  const sent = await connection.sendFile(new File([bytes], 'from-firefox.bin'));
  window.back = received.then(async ({ blob, sha256 }) => {
    const native = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
    return { sha256, native: [...native].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
  });
  const { local, remote } = await connection.route();
  return { greeting, counted, sha256: sent.sha256, route: [local, remote] };
}
"""

DIALLED = """
async (room, token) => {
  const { connect } = await import('/sdk/index.js');
  window.session = await connect({ room, token, peerId: 'Firefox-1' });
  window.heard = [];
  window.states = [];
  session.on('connection', async ({ connection }) => {
    window.connection = connection;
    connection.on('state', ({ state }) => states.push(state));
    await connection.opened();
    for await (const frame of connection.chat) {
      heard.push(frame);
      await connection.chat.send(`heard ${frame}`);
    }
  });
}
"""

DIAL = """
async ([room, token]) => {
  const { connect } = await import('/sdk/index.js');
  const session = await connect({ room, token, peerId: 'Chromium-1' });
  const connection = await session.connect('Firefox-1');
  const answers = [];
  const say = async (text) => {
    await connection.chat.send(text);
    answers.push(await connection.chat.receive({ timeoutMs: 10000 }));
  };
  await say('before');
  const there = session.roster.get('Firefox-1').peerId;
  const canRestart = connection.restartIce();
  await say('between');
  session.close();
  return { answers, there, canRestart };
}
"""

STAY = """
async (room, token, peers) => {
  window.made = [];
  const Native = RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(configuration) {
      super(configuration);
      made.push(this);
    }
  };
  const { connect } = await import('/sdk/index.js');
  window.session = await connect({ room, token, peerId: 'Firefox-1' });
  window.states = [];
  for (const peer of peers) {
    const connection = await session.connect(peer);
    connection.on('state', ({ state }) => states.push([peer, state, Date.now()]));
  }
  window.checks = async () => {
    const counts = [];
    for (const pc of made) {
      (await pc.getStats()).forEach(({ responsesReceived = 0 }) => counts.push(responsesReceived));
    }
    return counts.reduce((sum, count) => sum + count);
  };
  window.atFirst = await checks();
}
"""

WAIT_FOR_CALLS = """
async ([room, token]) => {
  const { connect } = await import('/sdk/index.js');
  const session = await connect({ room, token, peerId: 'Chromium-1' });
  window.states = [];
  session.on('connection', ({ connection }) => connection.on('state', ({ state }) => states.push(state)));
}
"""


@pytest.fixture(scope="module")
async def firefox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Session]:
    """The browser; tabs come from `firefox.open`."""
    async with running_firefox(tmp_path_factory.mktemp("firefox")) as session:
        yield session


@pytest.mark.timeout(TIMEOUT_S)
async def test_the_page_in_firefox_talks_to_a_python_worker(firefox: Session, link: str, tmp_path: Path) -> None:
    source = tmp_path / "readings.csv"
    source.write_bytes(b"t,v\n0,1.5\n")
    async with echo_worker(link):
        tab = await firefox.open(f"{link}&connect=Worker-3108")
        await tab.sees(CONNECTED)
        await chat(tab, "naïve <b>sun</b>")
        await hears(tab, ": naïve <b>sun</b>")
        await tab.choose('[data-testid="file-input"]', [source])
        await has(tab, "out", hashlib.sha256(source.read_bytes()).hexdigest())
    assert tab.errors == []
    await tab.close()


@pytest.mark.timeout(TIMEOUT_S)
async def test_the_sdk_in_firefox_calls_and_sends_files_to_python_and_back(
    firefox: Session, server: ServerProcess, room: heliograph.Room, tmp_path: Path
) -> None:
    back = tmp_path / "from-python.bin"
    back.write_bytes(random.Random(5).randbytes(SIZE))
    worker = heliograph.Worker(server.url, room=room.room_id, token=room.token, peer_id="Worker-1")

    @worker.rpc("greet_back")
    async def greet_back(connection: heliograph.Connection, name: str) -> str:
        return str(await connection.call("greet", name))

    @worker.rpc("count")
    async def count(to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    async with worker, heliograph.receive_files(worker, into=tmp_path / "inbox") as files:
        tab = await firefox.open(server.url)
        result = await tab.call(CALL_AND_SEND, room.room_id, room.token, SIZE)
        received = (await anext(aiter(files))).path
        sender = heliograph.connect(server.url, room=room.room_id, token=room.token, peer_id="Sender-1")
        async with sender as session, await session.connect("Firefox-1") as connection:
            sent = await heliograph.send_file(connection, back)
            arrived = await tab.call("() => window.back")
    assert (result["greeting"], result["counted"]) == ("hello Ann", [0, 1, 2, 3, 4])
    assert set(result["route"]) <= {"host", "prflx"}
    assert received is not None
    assert hashlib.sha256(received.read_bytes()).hexdigest() == result["sha256"]
    expected = hashlib.sha256(back.read_bytes()).hexdigest()
    assert (sent.sha256, arrived) == (expected, {"sha256": expected, "native": expected})
    assert tab.errors == []
    await tab.close()


@pytest.mark.timeout(TIMEOUT_S)
async def test_people_with_firefox_and_chromium_meet_by_a_link(
    firefox: Session, server: ServerProcess, open_page: OpenPage, tmp_path: Path
) -> None:
    picture, notes = tmp_path / "picture.png", tmp_path / "notes.txt"
    picture.write_bytes(bytes(range(256)) * 1_000)
    notes.write_bytes(b"as discussed\n")
    ann = await open_page(server.url)
    bob = await firefox.open(await ann.create_room())
    await bob.sees('[data-testid="peer-item"]')
    await bob.click('[data-testid="peer-item"] [data-testid="connect-button"]')
    await bob.sees(CONNECTED)
    await ann.is_connected()
    await chat(bob, "can you read this?")
    await ann.hears("can you read this?")
    await ann.chat("I can")
    await hears(bob, "I can")
    await ann.send_file(picture)
    await has(bob, "in", hashlib.sha256(picture.read_bytes()).hexdigest())
    await bob.choose('[data-testid="file-input"]', [notes])
    await ann.has_received(hashlib.sha256(notes.read_bytes()).hexdigest())
    assert bob.errors == []
    await bob.close()


@pytest.mark.timeout(TIMEOUT_S)
async def test_chromium_restarts_ice_with_firefox_and_firefox_sees_it_leave(
    firefox: Session, server: ServerProcess, room: heliograph.Room, open_page: OpenPage
) -> None:
    place = [room.room_id, room.token]
    tab = await firefox.open(server.url)
    await tab.call(DIALLED, *place)
    chromium = await open_page(server.url)
    result = await chromium.page.evaluate(DIAL, place)
    assert result == {"answers": ["heard before", "heard between"], "there": "Firefox-1", "canRestart": True}
    await tab.until("() => connection.state === 'closed'")
    assert await tab.call("() => [heard, states, session.roster.size]") == [
        ["before", "between"],
        ["open", "closed"],
        0,
    ]
    assert tab.errors == []
    await tab.close()


@pytest.mark.timeout(TIMEOUT_S)
async def test_an_idle_connection_stays_and_a_killed_worker_is_missed_within_five_seconds(
    firefox: Session, server: ServerProcess, room: heliograph.Room, open_page: OpenPage
) -> None:
    place = [room.room_id, room.token]
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "heliograph_server.demo_worker", server.url, room.room_id, "Worker-1"),
        env={**os.environ, "HELIOGRAPH_TOKEN": room.token},
        stdout=subprocess.DEVNULL,
    )
    try:
        await server.logs("peer.joined", peer="Worker-1")
        chromium = await open_page(server.url)
        await chromium.page.evaluate(WAIT_FOR_CALLS, place)
        tab = await firefox.open(server.url)
        await tab.call(STAY, *place, ["Worker-1", "Chromium-1"])
        # Firefox checks a path every 4 to 6 s, and nothing else travels.
        await tab.until("async () => await checks() >= atFirst + 4", within_s=60)
        assert await tab.call("() => states") == []
        assert await chromium.page.evaluate("() => states") == ["open"]
        killed = time.time()
    finally:
        worker.kill()
        await worker.wait()
    noticed_ms = "() => states.find(([peer, state]) => peer === 'Worker-1' && state === 'disconnected')?.[2]"
    assert await tab.until(noticed_ms) / 1000 - killed < NOTICED_S
    assert await tab.call("() => states.filter(([peer]) => peer !== 'Worker-1')") == []
    assert tab.errors == []
    await tab.close()


async def chat(tab: Tab, text: str) -> None:
    await tab.type('[data-testid="chat-input"]', f"{text}\n")


async def hears(tab: Tab, text: str) -> None:
    said = '(text) => [...document.querySelectorAll(\'[data-testid="chat-message"][data-direction="in"]\')]'
    await tab.until(f"{said}.some((one) => one.textContent.includes(text))", text)


async def has(tab: Tab, direction: str, sha256: str) -> None:
    """Wait until the tab shows a file with that checksum as transferred."""
    selector = f'[data-testid="file-item"][data-direction="{direction}"][data-state="done"]'
    done = "(selector, sha256) => [...document.querySelectorAll(selector)]"
    await tab.until(f"{done}.some((one) => one.textContent.includes(sha256))", selector, sha256, within_s=60)

"""Files dropped on the page: paused, resumed, cancelled, interrupted, and whole in the end."""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from demo_page import DemoPage, Look
from playwright.async_api import Locator, expect

import heliograph

SIZE = 8_000_000
LONG_MS = 60_000
DROP = """([name, size]) => {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { lastModified: 1e12 }));
  for (const type of ['dragover', 'drop']) {
    document.querySelector('.bottom, .top').dispatchEvent(
      new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""
CONTENT = bytes((i * 31 + (i >> 8)) & 255 for i in range(SIZE))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


HOLD = """() => {
  const read = Blob.prototype.arrayBuffer;
  const gate = new Promise((resolve) => (window.goOn = resolve));
  let reads = 0;
  Blob.prototype.arrayBuffer = async function () {
    if (++reads > 6) await gate;
    return read.call(this);
  };
}"""
"""The page gets the first chunks of its files, the others after `goOn()`: a transfer can be met in its middle."""
IN_THE_MIDDLE = re.compile(r"[1-6]\.\d MB of 8\.0 MB")


MB = 1_000_000
GIB = 1 << 30
ON_DISK = """async () => {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle('heliograph-scratch', { create: true });
  let count = 0;
  for await (const name of folder.keys()) count += !name.endsWith('.crswap');
  return count;
}"""


async def drop(page: DemoPage, name: str) -> Locator:
    """Drop a file somewhere on the page; returns its entry."""
    await page.look_at("talk")
    await page.page.evaluate(DROP, [name, SIZE])
    return page.page.locator('[data-testid="file-item"][data-direction="out"]').filter(has_text=name)


async def halfway(page: DemoPage) -> Locator:
    """Drop a file, of which the rest goes only after `goOn()`; returns its entry."""
    await page.page.evaluate(HOLD)
    file = await drop(page, "big.bin")
    await expect(file.get_by_test_id("file-status")).to_contain_text(IN_THE_MIDDLE)
    return file


async def pair(link: str, look: Look) -> tuple[DemoPage, DemoPage]:
    """Two pages, the first of which has connected to the second."""
    ann, bob = await look(link), await look(link)
    await ann.find("connect-button").click()
    await bob.is_connected()
    await ann.is_connected()
    return ann, bob


@pytest.mark.usefixtures("worker")
async def test_a_dropped_file_is_paused_and_goes_on_where_it_was(link: str, look: Look) -> None:
    page = await look(f"{link}&connect=Worker-1")
    await page.is_connected()
    file = await halfway(page)
    await file.get_by_test_id("file-pause").click()
    await expect(file).to_have_attribute("data-state", "paused")
    await expect(file.get_by_test_id("file-status")).to_have_text(re.compile(r"Paused at [1-9]\d? % of 8\.0 MB"))
    await page.page.evaluate("goOn()")
    await file.get_by_test_id("file-pause").click()
    await expect(file).to_have_attribute("data-state", "done", timeout=LONG_MS)
    await expect(file.get_by_test_id("file-sha256")).to_have_text(SHA256)
    await expect(file.get_by_test_id("file-status")).to_contain_text("checksum matches")


async def test_several_at_once_one_of_them_cancelled(link: str, look: Look, tmp_path: Path) -> None:
    ann, bob = await pair(link, look)
    await ann.page.evaluate(HOLD)
    files = [await drop(ann, name) for name in ("first.bin", "second.bin")]
    received = bob.page.locator('[data-testid="file-item"][data-direction="in"]')
    await bob.look_at("talk")
    await expect(received).to_have_count(2)
    await files[1].get_by_test_id("file-cancel").click()
    await expect(files[1]).to_have_attribute("data-state", "cancelled")
    await ann.page.evaluate("goOn()")
    await expect(received.filter(has_text="second.bin").get_by_test_id("file-status")).to_contain_text("Stopped")
    await expect(files[0]).to_have_attribute("data-state", "done", timeout=LONG_MS)
    whole = received.filter(has_text="first.bin")
    await expect(whole.get_by_test_id("file-sha256")).to_have_text(SHA256)
    async with bob.page.expect_download() as downloading:
        await whole.get_by_test_id("file-download").click()
    download = await downloading.value
    assert download.suggested_filename == "first.bin"
    path = tmp_path / "downloaded"
    await download.save_as(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


@contextlib.asynccontextmanager
async def worker_process(link: str) -> AsyncIterator[Process]:
    """The demo's worker, where it can be killed."""
    url, _, fragment = link.partition("/#")
    room, token = re.findall(r"=([^&]+)", fragment)
    command = [sys.executable, "-m", "heliograph_server.demo_worker", url, room, "Worker-1"]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, env={**os.environ, "HELIOGRAPH_TOKEN": token})
    try:
        assert process.stdout is not None
        assert b"ready" in await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_worker_killed_in_the_middle_is_noticed_and_its_successor_gets_the_file(link: str, look: Look) -> None:
    async with worker_process(link) as first:
        page = await look(f"{link}&connect=Worker-1")
        await page.is_connected()
        file = await halfway(page)
        first.kill()
        await first.wait()
        await page.page.evaluate("goOn()")
    await expect(file).to_have_attribute("data-state", "interrupted", timeout=LONG_MS)
    await expect(file.get_by_test_id("file-status")).to_contain_text("Interrupted")
    await expect(page.peer("Worker-1")).to_have_count(0, timeout=LONG_MS)
    async with worker_process(link):
        await expect(file).to_have_attribute("data-state", "done", timeout=LONG_MS)
        await expect(file.get_by_test_id("file-sha256")).to_have_text(SHA256)


async def test_what_is_dropped_before_anybody_is_there_is_not_swallowed(link: str, look: Look) -> None:
    page = await look(link)
    await page.is_online()
    file = await drop(page, "big.bin")
    await expect(page.find("error-banner")).to_contain_text("nobody to send that to")
    await expect(file).to_have_count(0)


async def test_files_beyond_the_room_for_them_are_refused(link: str, look: Look) -> None:
    page = await look(link)
    name = await page.own_id()
    items = page.find("file-item")
    async with heliograph.connect(link, peer=name, peer_id="Client-1") as connection:

        async def announced(file: str, size: int) -> tuple[heliograph.Channel, dict[str, object]]:
            channel = connection.open_channel("file")
            await channel.send(json.dumps({"type": "file", "name": file, "size": size}))
            answer = await channel.receive()
            return channel, json.loads(str(answer))

        first, answer = await announced("first.bin", GIB + GIB // 2)
        assert answer["type"] == "accepted"
        _, answer = await announced("second.bin", GIB)
        assert (answer["type"], answer["code"]) == ("refused", "NO_SPACE")
        await page.look_at("talk")
        await expect(items.filter(has_text="second.bin")).to_have_attribute("data-state", "failed")
        await expect(items.filter(has_text="second.bin").get_by_test_id("file-status")).to_contain_text("No room")
        await first.close()
        await expect(items.filter(has_text="first.bin")).to_have_attribute("data-state", "interrupted")
        third, answer = await announced("third.bin", GIB)
        assert answer["type"] == "accepted", "There is room again"
        await third.close()


async def test_what_a_received_file_takes_up_is_given_back(link: str, look: Look, tmp_path: Path) -> None:
    page = await look(link)
    name = await page.own_id()
    items = page.find("file-item")
    for file in ("removed.bin", "dropped.bin"):
        (tmp_path / file).write_bytes(bytes(5 * MB))
    async with heliograph.connect(link, peer=name, peer_id="Client-1") as connection:
        await heliograph.send_file(connection, tmp_path / "removed.bin")
        await page.look_at("talk")
        await expect(items.get_by_test_id("file-download")).to_be_visible()
        assert await page.page.evaluate(ON_DISK) == 1
        await items.get_by_test_id("file-remove").click()
        await expect(items).to_have_attribute("data-state", "removed")
        await expect(items.get_by_test_id("file-download")).to_be_hidden()
        await page.page.wait_for_function(f"async () => await ({ON_DISK})() === 0")
        await heliograph.send_file(connection, tmp_path / "dropped.bin")
        await expect(items.filter(has_text="dropped.bin")).to_have_attribute("data-state", "done")
        assert await page.page.evaluate(ON_DISK) == 1
        chat = connection.channel("chat")
        for number in range(500):
            await chat.send(f"message {number}")
        await page.hears("message 499")
        await expect(items).to_have_count(0)
        await page.page.wait_for_function(f"async () => await ({ON_DISK})() === 0")


@pytest.mark.usefixtures("worker")
async def test_a_sender_that_is_reloaded_sends_the_rest(link: str, look: Look) -> None:
    page = await look(f"{link}&connect=Worker-1")
    await page.is_connected()
    file = await halfway(page)
    await page.page.reload()
    await page.is_connected()
    file = await drop(page, "big.bin")
    await expect(file).to_have_attribute("data-state", "done", timeout=LONG_MS)
    await expect(file.get_by_test_id("file-sha256")).to_have_text(SHA256)


async def test_a_receiver_that_is_reloaded_gets_the_file(link: str, look: Look) -> None:
    ann, bob = await pair(link, look)
    file = await halfway(ann)
    await bob.page.reload()
    await bob.is_online()
    await ann.page.evaluate("goOn()")
    await expect(file).to_have_attribute("data-state", "interrupted")
    await ann.find("reconnect").click()
    await ann.is_connected()
    await expect(file).to_have_attribute("data-state", "done", timeout=LONG_MS)
    await bob.look_at("talk")
    await expect(bob.find("file-sha256")).to_have_text(SHA256)


async def test_a_sender_that_is_gone_leaves_the_receiver_in_order(link: str, look: Look) -> None:
    ann, bob = await pair(link, look)
    await halfway(ann)
    await ann.page.close()
    await bob.look_at("talk")
    await expect(bob.find("file-item")).to_have_attribute("data-state", "interrupted", timeout=LONG_MS)
    await expect(bob.find("file-status")).to_contain_text("is kept")
    await bob.is_online()

"""A transfer between a page and Python that is interrupted, and goes on where it was over the next connection."""

import asyncio
import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
from demo_page import OpenPage

import heliograph

SIZE = 20_000_000
ENOUGH = 6_000_000
TIMEOUT_S = 90

SEND = """
async ([room, token, size, enough]) => {
  const { connect } = await import('/sdk/index.js');
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  const file = new File([bytes], 'page.bin', { lastModified: 1_000_000_000_000 });
  const session = await connect({ room, token, peerId: 'Page-1' });
  const first = await session.connect('Worker-1');
  const onProgress = (verified) => verified > enough && first.close();
  const failure = await first.sendFile(file, { onProgress }).then(() => '', (error) => error.code);
  const second = await session.connect('Worker-1');
  const { sha256 } = await second.sendFile(file);
  session.close();
  return [failure, sha256];
}
"""

RECEIVE = """
async ([room, token, enough]) => {
  const { connect } = await import('/sdk/index.js');
  const session = await connect({ room, token, peerId: 'Page-1' });
  let failures = 0;
  const taken = new Promise((resolve) => {
    session.on('connection', ({ connection }) => {
      connection.on('file', async ({ file }) => {
        const onProgress = (verified) => failures === 0 && verified > enough && connection.close();
        try {
          const { sha256, size, resumedAt, blob } = await file.accept({ onProgress });
          const native = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
          const hex = [...native].map((byte) => byte.toString(16).padStart(2, '0')).join('');
          resolve({ sha256, size, resumedAt, hex, failures });
        } catch {
          failures += 1;
        }
      });
    });
  });
  window.result = taken.finally(() => session.close());
}
"""


def room_of(link: str) -> list[str]:
    return [pair.partition("=")[2] for pair in link.partition("#")[2].split("&")[:2]]


@pytest.mark.timeout(TIMEOUT_S)
async def test_a_page_goes_on_sending_where_it_was(link: str, open_page: OpenPage, tmp_path: Path) -> None:
    page = await open_page(link.partition("#")[0])
    worker = heliograph.Worker(link, peer_id="Worker-1")
    async with worker, heliograph.receive_files(worker, into=tmp_path / "inbox") as files:
        failure, sha256 = await page.page.evaluate(SEND, [*room_of(link), SIZE, ENOUGH])
        received = await anext(aiter(files))
    assert failure == "FILE_INTERRUPTED"
    assert received.sha256 == sha256
    assert ENOUGH < received.resumed_at < SIZE
    assert received.path == tmp_path / "inbox" / "page.bin"
    assert hashlib.sha256(received.path.read_bytes()).hexdigest() == sha256
    assert [path.name for path in (tmp_path / "inbox").iterdir()] == ["page.bin"]


@pytest.mark.timeout(TIMEOUT_S)
async def test_python_goes_on_sending_to_a_page_where_it_was(link: str, open_page: OpenPage, tmp_path: Path) -> None:
    source = tmp_path / "python.bin"
    source.write_bytes(random.Random(3).randbytes(SIZE))
    page = await open_page(link.partition("#")[0])
    await page.page.evaluate(RECEIVE, [*room_of(link), ENOUGH])
    async with heliograph.connect(link, peer_id="Sender-1") as session, asyncio.timeout(TIMEOUT_S):
        async with await session.connect("Page-1") as connection:
            with pytest.raises((heliograph.TransferInterrupted, heliograph.ConnectionLost)):
                await heliograph.send_file(connection, source)
        async with await session.connect("Page-1") as connection:
            sent = await heliograph.send_file(connection, source)
            result: dict[str, Any] = await page.page.evaluate("() => window.result")
    assert result["sha256"] == result["hex"] == sent.sha256
    assert (result["size"], result["failures"]) == (SIZE, 1)
    assert ENOUGH < sent.resumed_at == result["resumedAt"] < SIZE

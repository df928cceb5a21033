"""Two people, each with a browser."""

import hashlib
from pathlib import Path

from demo_page import OpenPage
from playwright.async_api import expect
from server_process import ServerProcess


async def test_two_people_meet_by_a_link(server: ServerProcess, open_page: OpenPage, tmp_path: Path) -> None:
    source = tmp_path / "picture.png"
    content = bytes(range(256)) * 1_000
    source.write_bytes(content)
    checksum = hashlib.sha256(content).hexdigest()
    ann = await open_page(server.url)
    link = await ann.create_room()
    bob = await open_page(link)
    await expect(ann.find("peer-item")).to_have_count(1)
    await ann.find("connect-button").click()
    await ann.is_connected()
    await bob.is_connected()
    await ann.chat("can you read this?")
    await bob.hears("can you read this?")
    await bob.chat("I can")
    await ann.hears("I can")
    await bob.send_file(source)
    await ann.has_received(checksum)
    await bob.has_sent(checksum)

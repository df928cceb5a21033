"""Two Python programs, no browser."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from echo import echo_worker

import heliograph


async def test_a_client_talks_to_a_worker(link: str) -> None:
    async with (
        echo_worker(link),
        heliograph.connect(link, peer="Worker-3108", peer_id="Client-1489") as connection,
    ):
        chat = connection.channel("chat")
        for text in ("hello", "", "naïve — ☀"):
            await chat.send(text)
            assert await chat.receive() == f"Client-1489: {text}"


async def test_a_file_arrives_whole(link: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 8_192 + b"the end"
    source = tmp_path / "measurements.bin"
    source.write_bytes(content)
    folder = tmp_path / "received"

    async def receive(session: heliograph.Session) -> heliograph.ReceivedFile:
        connection = await session.accept()
        while (channel := await connection.accept_channel()).label != "file":
            pass
        return await heliograph.receive_file(channel, into=folder)

    async with (
        heliograph.connect(link, peer_id="Client-1") as receiver,
        heliograph.connect(link, peer_id="Client-2") as sender,
        asyncio.TaskGroup() as tasks,
    ):
        receiving = tasks.create_task(receive(receiver))
        sent = await heliograph.send_file(await sender.connect("Client-1"), source)
        received = await receiving
    assert sent.sha256 == received.sha256 == hashlib.sha256(content).hexdigest()
    assert [path.read_bytes() for path in folder.iterdir()] == [content]


async def test_who_is_not_there_is_missed(link: str) -> None:
    async with heliograph.connect(link) as session:
        assert await session.peers() == []
        with pytest.raises(heliograph.PeerNotFound):
            await session.connect("Worker-9")


async def test_the_wrong_token_opens_no_door(link: str) -> None:
    with pytest.raises(heliograph.InvalidRoomToken):
        async with heliograph.connect(link, token="wrong"):
            raise AssertionError("it opened")

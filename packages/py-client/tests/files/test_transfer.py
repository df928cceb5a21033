"""Files over a pair of channels in memory: the two sides together."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

import heliograph
from heliograph.files import receive as receive_module
from heliograph_protocol.datachannel import FileChecking, FileHeader

from .pair import Pair, names_in, text

CONTENT = bytes(range(256)) * 10_000  # 2.56 MB: several chunks, and a last one that is not full
MIB = 1024 * 1024


@pytest.fixture
async def pair() -> Pair:
    return Pair()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    path = tmp_path / "inbox"
    path.mkdir()
    return path


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def rewrite_unnoticed(path: Path, content: bytes) -> None:
    """The content becomes another one of that length; size and time stay as they were."""
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def part_in(directory: Path) -> Path:
    [part] = directory.glob(".heliograph-*.part")
    return part


async def receive(pair: Pair, **options: Any) -> heliograph.ReceivedFile:
    channel = await pair.accept_channel()
    try:
        return await heliograph.receive_file(channel, **options)
    finally:
        await channel.close()


async def transfer(pair: Pair, source: Path, **options: Any) -> tuple[heliograph.SentFile, heliograph.ReceivedFile]:
    return await asyncio.gather(heliograph.send_file(pair, source), receive(pair, **options))


@pytest.mark.parametrize("size", [0, 1, 65_536, MIB - 1, MIB, MIB + 1, len(CONTENT), 12 * MIB])
async def test_a_file_arrives_whole(pair: Pair, source: Path, inbox: Path, size: int) -> None:
    content = (CONTENT * 5)[:size]
    write(source, content)
    sent, received = await transfer(pair, source, into=inbox)
    assert sent.sha256 == received.sha256 == hashlib.sha256(content).hexdigest()
    assert (sent.size, received.size, sent.resumed_at, received.resumed_at) == (size, size, 0, 0)
    assert received.path == inbox / "a.bin"
    assert received.path.read_bytes() == content
    assert names_in(inbox) == ["a.bin"]


async def test_without_a_directory_nothing_is_kept(pair: Pair, source: Path, tmp_path: Path) -> None:
    _, received = await transfer(pair, source)
    assert received.path is None
    assert received.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert names_in(tmp_path) == ["a.bin"]


async def test_progress_goes_up_to_the_size_on_both_sides(pair: Pair, source: Path, inbox: Path) -> None:
    sending: list[tuple[int, int]] = []
    receiving: list[tuple[int, int]] = []
    await asyncio.gather(
        heliograph.send_file(pair, source, progress=lambda *step: sending.append(step)),
        receive(pair, into=inbox, progress=lambda *step: receiving.append(step)),
    )
    size = len(CONTENT)
    assert sending == receiving == [(MIB, size), (2 * MIB, size), (size, size)]


async def test_a_taken_name_gets_a_number(pair: Pair, source: Path, inbox: Path) -> None:
    (inbox / "a.bin").write_bytes(b"older")
    _, received = await transfer(pair, source, into=inbox)
    assert (received.name, received.path) == ("a (1).bin", inbox / "a (1).bin")
    assert (inbox / "a.bin").read_bytes() == b"older"
    assert names_in(inbox) == ["a (1).bin", "a.bin"]


async def test_a_file_is_replaced_if_that_is_wanted(pair: Pair, source: Path, inbox: Path) -> None:
    (inbox / "a.bin").write_bytes(b"older")
    _, received = await transfer(pair, source, into=inbox, existing="replace")
    assert received.path == inbox / "a.bin"
    assert received.path.read_bytes() == CONTENT
    assert names_in(inbox) == ["a.bin"]


@pytest.mark.parametrize(
    ("options", "code"),
    [({"existing": "refuse"}, "EXISTS"), ({"max_bytes": 1000}, "TOO_BIG"), ({"accept": lambda _: False}, "NOT_WANTED")],
    ids=["there is one", "too big", "not wanted"],
)
async def test_what_is_refused_is_refused_before_its_content(
    pair: Pair, source: Path, inbox: Path, options: dict[str, Any], code: str
) -> None:
    (inbox / "a.bin").write_bytes(b"older")
    sending = asyncio.create_task(heliograph.send_file(pair, source))
    with pytest.raises(heliograph.TransferError) as told:
        await receive(pair, into=inbox, **options)
    with pytest.raises(heliograph.TransferRefused) as caught:
        await sending
    assert told.value.code == caught.value.code == code
    assert pair.content_bytes == 0
    assert names_in(inbox) == ["a.bin"]
    assert (inbox / "a.bin").read_bytes() == b"older"


async def test_the_receiver_may_look_at_the_offer_and_take_its_time(pair: Pair, source: Path, inbox: Path) -> None:
    offers: list[heliograph.FileOffer] = []
    asked, decided = asyncio.Event(), asyncio.Event()

    async def ask(offer: heliograph.FileOffer) -> bool:
        offers.append(offer)
        asked.set()
        await decided.wait()
        return True

    transferring = asyncio.create_task(transfer(pair, source, into=inbox, accept=ask))
    async with asyncio.timeout(5):
        await asked.wait()
    assert pair.content_bytes == 0
    decided.set()
    await transferring
    assert offers == [
        heliograph.FileOffer(name="a.bin", size=len(CONTENT), mime="application/octet-stream", peer_id="Sender")
    ]


async def test_the_same_file_again_is_not_received_again(pair: Pair, source: Path, inbox: Path) -> None:
    await transfer(pair, source, into=inbox)
    before = pair.content_bytes
    sent, received = await transfer(pair, source, into=inbox)
    assert sent.sha256 == received.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert received.path == inbox / "a.bin"
    assert (sent.resumed_at, received.resumed_at) == (len(CONTENT), len(CONTENT))
    assert pair.content_bytes == before
    assert names_in(inbox) == ["a.bin"]


async def test_another_file_that_looks_the_same_is_received(pair: Pair, source: Path, inbox: Path) -> None:
    await transfer(pair, source, into=inbox)
    rewrite_unnoticed(source, CONTENT[::-1])
    _, received = await transfer(pair, source, into=inbox)
    assert received.path == inbox / "a (1).bin"
    assert received.path.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("cut_after", [1, MIB, 2 * MIB + 7, len(CONTENT)])
async def test_a_transfer_goes_on_over_the_next_channel(pair: Pair, source: Path, inbox: Path, cut_after: int) -> None:
    pair.cut_after = cut_after
    sending = asyncio.create_task(heliograph.send_file(pair, source))
    with pytest.raises(heliograph.TransferInterrupted):
        await receive(pair, into=inbox)
    received = await receive(pair, into=inbox)
    sent = await sending
    assert sent.sha256 == received.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert sent.resumed_at == received.resumed_at == min((cut_after - 1) // MIB, 2) * MIB
    assert pair.content_bytes <= len(CONTENT) + MIB
    assert (inbox / "a.bin").read_bytes() == CONTENT
    assert names_in(inbox) == ["a.bin"]


async def test_a_new_sender_goes_on_where_a_dead_one_was(pair: Pair, source: Path, inbox: Path) -> None:
    pair.cut_after = 2 * MIB + 1
    sending = asyncio.create_task(heliograph.send_file(pair, source))
    with pytest.raises(heliograph.TransferInterrupted):
        await receive(pair, into=inbox)
    sending.cancel()
    await asyncio.wait([sending])
    assert len(names_in(inbox)) == 2
    sent, received = await transfer(Pair(), source, into=inbox)
    assert sent.resumed_at == received.resumed_at == 2 * MIB
    assert (inbox / "a.bin").read_bytes() == CONTENT
    assert names_in(inbox) == ["a.bin"]


async def test_a_file_that_changed_since_is_received_from_its_start(pair: Pair, source: Path, inbox: Path) -> None:
    pair.cut_after = 2 * MIB + 1
    sending = asyncio.create_task(heliograph.send_file(pair, source))
    with pytest.raises(heliograph.TransferInterrupted):
        await receive(pair, into=inbox)
    sending.cancel()
    await asyncio.wait([sending])
    rewrite_unnoticed(source, CONTENT[::-1])
    sent, received = await transfer(Pair(), source, into=inbox)
    assert sent.resumed_at == received.resumed_at == 0
    assert (inbox / "a.bin").read_bytes() == CONTENT[::-1]
    assert names_in(inbox) == ["a.bin"]


@pytest.mark.parametrize("damage", [b"", b"x" * MIB, CONTENT[:MIB] + b"x" * MIB, CONTENT[: MIB + 5]])
async def test_only_what_is_really_there_is_gone_on_with(pair: Pair, source: Path, inbox: Path, damage: bytes) -> None:
    pair.cut_after = 2 * MIB + 1
    sending = asyncio.create_task(heliograph.send_file(pair, source))
    with pytest.raises(heliograph.TransferInterrupted):
        await receive(pair, into=inbox)
    write(part_in(inbox), damage)
    received = await receive(pair, into=inbox)
    await sending
    assert received.resumed_at == (MIB if damage.startswith(CONTENT[:MIB]) else 0)
    assert (inbox / "a.bin").read_bytes() == CONTENT
    assert names_in(inbox) == ["a.bin"]


async def test_a_receiver_that_stops_tells_the_sender(pair: Pair, source: Path, inbox: Path) -> None:
    write(source, CONTENT * 8)  # more than there is room for ahead of the receiver
    sending = asyncio.create_task(heliograph.send_file(pair, source))
    tasks: list[asyncio.Task[heliograph.ReceivedFile]] = []
    receiving = asyncio.create_task(receive(pair, into=inbox, progress=lambda *_: tasks[0].cancel()))
    tasks.append(receiving)
    with pytest.raises(heliograph.TransferCancelled):
        await sending
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert not (inbox / "a.bin").exists()


async def test_a_sender_that_stops_tells_the_receiver(pair: Pair, source: Path, inbox: Path) -> None:
    def stop(*_: int) -> None:
        sending.cancel()

    write(source, CONTENT * 8)  # more than there is room for ahead of the receiver
    sending = asyncio.create_task(heliograph.send_file(pair, source, progress=stop))
    with pytest.raises(heliograph.TransferCancelled):
        await receive(pair, into=inbox)
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not (inbox / "a.bin").exists()


async def test_a_callback_that_fails_ends_the_transfer_on_both_sides(pair: Pair, source: Path, inbox: Path) -> None:
    write(source, CONTENT * 8)  # more than there is room for ahead of the receiver

    def fail(*_: int) -> None:
        raise RuntimeError("broken bar")

    receiving = asyncio.create_task(receive(pair, into=inbox))
    with pytest.raises(RuntimeError, match="broken bar"):
        await heliograph.send_file(pair, source, progress=fail)
    with pytest.raises(heliograph.TransferCancelled):
        await receiving


async def test_a_sender_that_goes_on_checking_for_ever_is_not_waited_for(
    pair: Pair, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive_module, "CHECK_TIMEOUT_S", 0.2)
    sender = pair.open_channel("file")
    receiving = asyncio.create_task(receive(pair, into=inbox))
    await sender.send(text(FileHeader(name="a.bin", size=5)))
    async with asyncio.timeout(10):
        while not receiving.done():
            await sender.send(text(FileChecking()))
            await asyncio.sleep(0.01)
    with pytest.raises(heliograph.TransferInterrupted, match="still checking its file"):
        await receiving


async def test_a_receiver_that_closes_without_a_word_interrupts_the_sender(pair: Pair, source: Path) -> None:
    sending = asyncio.create_task(heliograph.send_file(pair, source))
    channel = await pair.accept_channel()
    await channel.close()
    with pytest.raises(heliograph.TransferInterrupted):
        await sending


async def test_a_connection_that_is_over_ends_the_sending(pair: Pair, source: Path, inbox: Path) -> None:
    write(source, CONTENT * 8)

    def end(*_: int) -> None:
        pair.over = True
        pair.cut()

    sending = asyncio.create_task(heliograph.send_file(pair, source))
    with pytest.raises(heliograph.TransferInterrupted):
        await receive(pair, into=inbox, progress=end)
    with pytest.raises(heliograph.ConnectionLost):
        await sending


async def test_a_file_that_changes_meanwhile_is_no_file(pair: Pair, source: Path, inbox: Path) -> None:
    write(source, CONTENT * 8)
    receiving = asyncio.create_task(receive(pair, into=inbox))
    with pytest.raises(heliograph.TransferError) as caught:
        await heliograph.send_file(pair, source, progress=lambda *_: write(source, b"short"))
    assert caught.value.code == "CHANGED"
    with pytest.raises(heliograph.TransferCancelled):
        await receiving
    assert not (inbox / "a.bin").exists()


async def test_what_is_no_file_is_not_sent(pair: Pair, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(heliograph.TransferError):
        await heliograph.send_file(pair, tmp_path / "pipe")
    with pytest.raises(IsADirectoryError):
        await heliograph.send_file(pair, tmp_path)
    with pytest.raises(FileNotFoundError):
        await heliograph.send_file(pair, tmp_path / "nothing")
    assert pair.opened == []

"""Files over a pair of channels in memory."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import heliograph
from heliograph.channels.channel import Channel
from heliograph.channels.inbox import IncomingFile, bare_file_name


class Pipe:
    """One end of a data channel in memory: what is sent arrives at the other end at once."""

    def __init__(self) -> None:
        self.id: int | None = 0
        self.label = "file"
        self.protocol = ""
        self.ordered = True
        self.maxRetransmits: int | None = None
        self.maxPacketLifeTime: int | None = None
        self.bufferedAmountLowThreshold = 0
        self.bufferedAmount = 0
        self.readyState = "open"
        self.other = self
        self._handlers: dict[str, list[Callable[..., Any]]] = {}

    def on(self, event: str, f: Callable[..., Any]) -> None:
        self._handlers.setdefault(event, []).append(f)

    def emit(self, event: str, *arguments: Any) -> None:
        for handler in self._handlers.get(event, []):
            handler(*arguments)

    def send(self, data: bytes | str) -> None:
        self.other.emit("message", data)

    def close(self) -> None:
        for end in (self, self.other):
            if end.readyState != "closed":
                end.readyState = "closed"
                end.emit("close")


class Pair:
    """A connection whose one side opens the channel and whose other side gets it."""

    def __init__(self) -> None:
        near, far = Pipe(), Pipe()
        near.other, far.other = far, near
        self.near = Channel(near, peer_id="Receiver")
        self.far = Channel(far, peer_id="Sender")

    def open_channel(self, label: str) -> Channel:
        assert label == "file"
        return self.near


@pytest.fixture
async def pair() -> Pair:
    return Pair()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


CONTENT = bytes(range(256)) * 10_000  # 2.56 MB: several blocks, and a last chunk that is not full


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 65_536, CONTENT], ids=["empty", "one byte", "one chunk", "many"])
async def test_a_file_arrives_whole(pair: Pair, tmp_path: Path, content: bytes) -> None:
    source = write(tmp_path / "a.bin", content)
    sent, received = await asyncio.gather(
        heliograph.send_file(pair, source), heliograph.receive_file(pair.far, into=tmp_path / "inbox")
    )
    assert sent.sha256 == received.sha256 == hashlib.sha256(content).hexdigest()
    assert (sent.size, received.size) == (len(content), len(content))
    assert received.path == tmp_path / "inbox" / "a.bin"
    assert received.path.read_bytes() == content
    assert names_in(tmp_path / "inbox") == ["a.bin"]


async def test_without_a_directory_nothing_is_kept(pair: Pair, tmp_path: Path) -> None:
    source = write(tmp_path / "a.bin", b"content")
    _, received = await asyncio.gather(heliograph.send_file(pair, source), heliograph.receive_file(pair.far))
    assert received.path is None
    assert names_in(tmp_path) == ["a.bin"]


async def test_progress_goes_up_to_the_size_on_both_sides(pair: Pair, tmp_path: Path) -> None:
    source = write(tmp_path / "a.bin", CONTENT)
    sending: list[tuple[int, int]] = []
    receiving: list[tuple[int, int]] = []
    await asyncio.gather(
        heliograph.send_file(pair, source, progress=lambda *step: sending.append(step)),
        heliograph.receive_file(pair.far, progress=lambda *step: receiving.append(step)),
    )
    assert sending == receiving == sorted(sending)
    assert sending[-1] == (len(CONTENT), len(CONTENT))


async def test_an_existing_file_is_not_overwritten(pair: Pair, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    write(inbox / "a.bin", b"older")
    source = write(tmp_path / "a.bin", b"newer")
    _, received = await asyncio.gather(
        heliograph.send_file(pair, source), heliograph.receive_file(pair.far, into=inbox)
    )
    assert received.path == inbox / "a (1).bin"
    assert received.name == "a (1).bin"
    assert (inbox / "a.bin").read_bytes() == b"older"


async def test_too_big_a_file_is_refused_before_its_content(pair: Pair, tmp_path: Path) -> None:
    source = write(tmp_path / "a.bin", CONTENT)
    sending = asyncio.create_task(heliograph.send_file(pair, source))
    with pytest.raises(heliograph.TransferError, match="over the 1,000 allowed"):
        await heliograph.receive_file(pair.far, into=tmp_path / "inbox", max_bytes=1000)
    with pytest.raises(heliograph.TransferRefused) as caught:
        await sending
    assert caught.value.code == "TOO_BIG"
    assert not (tmp_path / "inbox").exists()


async def test_the_receiver_may_look_at_the_offer_and_say_no(pair: Pair, tmp_path: Path) -> None:
    source = write(tmp_path / "a.txt", b"content")
    offers: list[heliograph.FileOffer] = []

    def refuse(offer: heliograph.FileOffer) -> bool:
        offers.append(offer)
        return False

    sending = asyncio.create_task(heliograph.send_file(pair, source))
    with pytest.raises(heliograph.TransferError):
        await heliograph.receive_file(pair.far, accept=refuse)
    with pytest.raises(heliograph.TransferRefused) as caught:
        await sending
    assert caught.value.code == "NOT_WANTED"
    assert offers == [heliograph.FileOffer(name="a.txt", size=7, mime="text/plain", peer_id="Sender")]


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["no header"], "BAD_HEADER"),
        ([b"binary"], "BAD_HEADER"),
        ([{"type": "file", "name": "a", "size": -1}], "BAD_HEADER"),
        ([{"type": "file", "name": "", "size": 1}], "BAD_HEADER"),
        ([{"type": "end", "sha256": "0" * 64}], "BAD_HEADER"),
        ([{"type": "file", "name": "a", "size": 3}, b"four"], "SIZE_MISMATCH"),
        ([{"type": "file", "name": "a", "size": 5}, b"four", {"type": "end", "sha256": "0" * 64}], "SIZE_MISMATCH"),
        ([{"type": "file", "name": "a", "size": 4}, b"four", {"type": "end", "sha256": "0" * 64}], "CHECKSUM_MISMATCH"),
        ([{"type": "file", "name": "a", "size": 4}, b"four", "the end"], "BAD_HEADER"),
    ],
)
async def test_a_sender_that_breaks_the_format_is_told_which_way(
    pair: Pair, tmp_path: Path, messages: list[Any], code: str
) -> None:
    for message in messages:
        await pair.near.send(json.dumps(message) if isinstance(message, dict) else message)
    with pytest.raises(heliograph.TransferError) as caught:
        await heliograph.receive_file(pair.far, into=tmp_path)
    assert caught.value.code == code
    answer = await pair.near.receive()
    assert json.loads(answer)["type"] == "refused"
    assert json.loads(answer)["code"] == code
    assert names_in(tmp_path) == []


async def test_a_sender_that_gives_up_leaves_nothing_behind(pair: Pair, tmp_path: Path) -> None:
    await pair.near.send(json.dumps({"type": "file", "name": "a", "size": 10}))
    await pair.near.send(b"half")
    await pair.near.close()
    with pytest.raises(heliograph.TransferInterrupted):
        await heliograph.receive_file(pair.far, into=tmp_path)
    assert names_in(tmp_path) == []


async def test_a_receiver_that_goes_away_interrupts_the_sender(pair: Pair, tmp_path: Path) -> None:
    source = write(tmp_path / "a.bin", CONTENT)
    sending = asyncio.create_task(heliograph.send_file(pair, source))
    await pair.far.receive()
    await pair.far.close()
    with pytest.raises(heliograph.TransferInterrupted):
        await sending


async def test_a_receiver_with_another_hash_is_not_believed(pair: Pair, tmp_path: Path) -> None:
    source = write(tmp_path / "a.bin", b"content")
    sending = asyncio.create_task(heliograph.send_file(pair, source))
    for _ in range(3):
        await pair.far.receive()
    await pair.far.send(json.dumps({"type": "received", "size": 7, "sha256": "0" * 64}))
    with pytest.raises(heliograph.TransferError) as caught:
        await sending
    assert caught.value.code == "CHECKSUM_MISMATCH"


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("a.bin", "a.bin"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("..", "unnamed"),
        (".", "unnamed"),
        ("", "unnamed"),
        ("dir/", "unnamed"),
        (".bashrc", "bashrc"),
        ("a\x00b\n.txt", "ab.txt"),
        ("C:evil:stream.txt", "Cevilstream.txt"),
        ("\N{SNOWMAN}.txt", "\N{SNOWMAN}.txt"),
    ],
)
def test_a_name_is_bare(name: str, bare: str) -> None:
    assert bare_file_name(name) == bare


def test_a_long_name_keeps_its_suffix() -> None:
    bare = bare_file_name("\N{SNOWMAN}" * 255 + ".tar")
    assert bare.endswith(".tar")
    assert len(bare.encode()) <= 200


def test_a_name_never_leads_out_of_the_directory(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    (tmp_path / "target").write_bytes(b"precious")
    inbox.mkdir()
    (inbox / "link").symlink_to(tmp_path / "target")
    with IncomingFile("link", into=inbox) as file:
        file.write([b"evil"])
        path = file.keep()
    assert path == inbox / "link (1)"
    assert (tmp_path / "target").read_bytes() == b"precious"

"""Where received files go: nothing outside the directory, nothing half done, nothing left for ever."""

import errno
import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import heliograph
from heliograph.files import inbox as inbox_module
from heliograph.files.inbox import MAX_PARTIALS, PARTIAL_MAX_AGE_S, Existing, Inbox
from heliograph.files.lock import FileLock
from heliograph.files.partial import Partial
from heliograph_protocol.datachannel import CHUNK_BYTES, FileHeader

from .pair import names_in

CONTENT = b"content"


def opened(
    into: Path, *, name: str = "a.bin", folder: list[str] | None = None, existing: Existing = "rename", **more: Any
) -> tuple[Inbox, Partial]:
    header = FileHeader(name=name, size=len(CONTENT), folder=folder or [], modified_ms=1_000_000_000_123)
    inbox = Inbox(into, header, existing=existing, **more)
    inbox.prepare()
    partial = inbox.claim(ExitStack(), {}, patient=False)
    assert partial is not None
    return inbox, partial


def received(into: Path, **options: Any) -> Path:
    inbox, partial = opened(into, **options)
    partial.truncate()
    partial.append(CONTENT, hashlib.sha256(CONTENT).hexdigest())
    try:
        return inbox.keep(partial)
    finally:
        partial.close()


def test_a_file_keeps_the_time_of_its_last_change(tmp_path: Path) -> None:
    path = received(tmp_path)
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mtime_ns == 1_000_000_000_123_000_000
    assert names_in(tmp_path) == ["a.bin"]


def test_a_link_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "target"
    precious.write_bytes(b"precious")
    into = tmp_path / "inbox"
    into.mkdir()
    (into / "a.bin").symlink_to(precious)
    assert received(into) == into / "a (1).bin"
    assert received(into, existing="replace") == into / "a.bin"
    assert not (into / "a.bin").is_symlink()
    assert precious.read_bytes() == b"precious"


def test_a_link_that_dangles_is_not_written_through_either(tmp_path: Path) -> None:
    (tmp_path / "a.bin").symlink_to(tmp_path / "elsewhere")
    assert received(tmp_path) == tmp_path / "a (1).bin"
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "photos").symlink_to(tmp_path / "outside")
    with pytest.raises(heliograph.TransferError) as caught:
        received(tmp_path / "inbox", folder=["photos"])
    assert caught.value.code == "BAD_NAME"
    assert names_in(tmp_path / "outside") == []


def test_folders_are_made(tmp_path: Path) -> None:
    path = received(tmp_path / "new", folder=["photos", "2026"])
    assert path == tmp_path / "new" / "photos" / "2026" / "a.bin"


def test_a_directory_of_that_name_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.bin").mkdir()
    inbox, partial = opened(tmp_path, existing="replace")
    with pytest.raises(heliograph.TransferError) as caught:
        inbox.check_free()
    assert caught.value.code == "EXISTS"
    partial.close()
    assert received(tmp_path) == tmp_path / "a (1).bin"


def test_a_name_taken_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    inbox, partial = opened(tmp_path, existing="refuse")
    inbox.check_free()
    partial.truncate()
    partial.append(CONTENT, hashlib.sha256(CONTENT).hexdigest())
    (tmp_path / "a.bin").write_bytes(b"newer")
    with pytest.raises(heliograph.TransferError) as caught:
        inbox.keep(partial)
    partial.close()
    assert caught.value.code == "EXISTS"
    assert (tmp_path / "a.bin").read_bytes() == b"newer"


def test_without_hard_links_nothing_is_overwritten_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert received(tmp_path) == tmp_path / "a.bin"
    assert received(tmp_path) == tmp_path / "a (1).bin"
    assert names_in(tmp_path) == ["a (1).bin", "a.bin"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    _, partial = opened(tmp_path)
    partial.truncate()
    partial.close()
    lock = FileLock.acquire(tmp_path / "x.journal")
    assert lock is not None
    partial = Partial(tmp_path / "x", lock, open("/dev/full", "r+b", buffering=0))  # noqa: PTH123, SIM115
    with pytest.raises(heliograph.TransferError) as caught:
        partial.append(CONTENT, hashlib.sha256(CONTENT).hexdigest())
    partial.close()
    assert caught.value.code == "NO_SPACE"
    assert str(tmp_path) not in str(caught.value)


def test_what_has_no_room_is_refused_early(tmp_path: Path) -> None:
    inbox, partial = opened(tmp_path)
    partial.close()
    inbox.check_space(1)
    with pytest.raises(heliograph.TransferError) as caught:
        inbox.check_space(2**53)
    assert caught.value.code == "NO_SPACE"


def test_a_directory_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(heliograph.TransferError) as caught:
        opened(tmp_path / "file" / "inbox")
    assert caught.value.code == "CANNOT_WRITE"
    assert str(tmp_path) not in str(caught.value)


def test_content_with_another_hash_is_not_written(tmp_path: Path) -> None:
    _, partial = opened(tmp_path)
    partial.truncate()
    with pytest.raises(heliograph.TransferError) as caught:
        partial.append(CONTENT, "0" * 64)
    assert caught.value.code == "CHECKSUM_MISMATCH"
    partial.close()
    assert names_in(tmp_path) == []


def test_two_attempts_do_not_write_to_one_file(tmp_path: Path) -> None:
    inbox, first = opened(tmp_path)
    seen: dict[Path, int] = {}
    assert inbox.claim(ExitStack(), seen, patient=True) is None
    assert inbox.claim(ExitStack(), seen, patient=True) is None
    first.truncate()
    first.append(CONTENT, hashlib.sha256(CONTENT).hexdigest())
    second = inbox.claim(ExitStack(), seen, patient=True)  # the first one is alive
    assert second is not None
    assert second.path != first.path
    first.close()
    third = inbox.claim(ExitStack(), {}, patient=True)
    assert third is not None
    assert third.path == first.path
    second.close()
    third.close()


@pytest.mark.parametrize("end", [b"", b'\xff"]\n'])
def test_a_torn_journal_counts_as_far_as_it_goes(tmp_path: Path, end: bytes) -> None:
    _, partial = opened(tmp_path)
    chunk = bytes(CHUNK_BYTES)
    partial.truncate()
    partial.append(chunk, hashlib.sha256(chunk).hexdigest())
    partial.append(chunk, hashlib.sha256(chunk * 2).hexdigest())
    partial.close()
    [journal] = tmp_path.glob("*.journal")
    journal.write_bytes(journal.read_bytes()[:-30] + end)
    _, again = opened(tmp_path)
    prefix = again.recorded()
    while prefix.step():
        pass
    again.truncate(prefix)
    assert again.offset == CHUNK_BYTES
    again.append(chunk, hashlib.sha256(chunk * 2).hexdigest())
    again.close()
    assert len(journal.read_bytes().splitlines()) == 2


def test_a_file_that_has_got_its_name_is_not_written_to_any_more(tmp_path: Path) -> None:
    """The program was killed between giving it its name and taking away the temporary one."""
    _, partial = opened(tmp_path)
    partial.truncate()
    partial.append(CONTENT, hashlib.sha256(CONTENT).hexdigest())
    partial.close()
    os.link(partial.path, tmp_path / "a.bin")
    with (tmp_path / "a.bin").open("ab") as file:
        file.write(b", and what the user added")
    _, again = opened(tmp_path)
    prefix = again.recorded()
    while prefix.step():
        pass
    again.truncate(prefix)
    assert again.offset == 0
    again.append(CONTENT, hashlib.sha256(CONTENT).hexdigest())
    again.close()
    assert (tmp_path / "a.bin").read_bytes() == CONTENT + b", and what the user added"


@pytest.fixture
def leave_partials(tmp_path: Path) -> Callable[[int], None]:
    def leave(count: int) -> None:
        for number in range(count):
            _, partial = opened(tmp_path, name=f"{number}.bin")
            partial.truncate()
            partial.append(CONTENT, hashlib.sha256(CONTENT).hexdigest())
            partial.close()

    return leave


def test_partial_files_do_not_stay_for_ever(tmp_path: Path, leave_partials: Callable[[int], None]) -> None:
    leave_partials(3)
    assert len(names_in(tmp_path)) == 6
    [busy] = [opened(tmp_path, name="0.bin")[1]]
    _, other = opened(tmp_path, clock=lambda: 4e9 + PARTIAL_MAX_AGE_S)
    other.close()
    assert len(names_in(tmp_path)) == 2  # somebody is at work on that one
    busy.close()


def test_partial_files_do_not_become_ever_more(
    tmp_path: Path, leave_partials: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_PARTIALS > 5
    monkeypatch.setattr(inbox_module, "MAX_PARTIALS", 5)
    leave_partials(9)
    assert len(names_in(tmp_path)) <= 12

"""What a file adds to the contract: it outlives the process, is shared, and can fail."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from heliograph_server.errors import StoreUnavailable
from heliograph_server.rooms import sqlite as sqlite_module
from heliograph_server.rooms.model import RoomChanges
from heliograph_server.rooms.schema import open_database
from heliograph_server.rooms.sqlite import ROOMS_FILE, SqliteRoomStore

from .samples import ANN, POLICY, a_room

OPENERS = 4
FILES = 50

CREATE_AND_WAIT = """
import asyncio, sys
from pathlib import Path
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.sqlite import SqliteRoomStore

async def main():
    store = SqliteRoomStore(Path(sys.argv[1]))
    for number in range(20):
        await store.create(Room(room_id=f"room{number}", token="t", owner=User("i", "s"), created_at=1, expires_at=2,
                                max_peers=3))
    print("created", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

OPEN_AND_END = """
import asyncio, sys
from pathlib import Path
from heliograph_server.rooms.sqlite import SqliteRoomStore

async def main():
    global store
    store = SqliteRoomStore(Path(sys.argv[1]))
    await store.open()

asyncio.run(main())
"""

CREATE_MANY = """
import asyncio, sys
from pathlib import Path
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.sqlite import SqliteRoomStore

async def main():
    store = SqliteRoomStore(Path(sys.argv[1]))
    for number in range(50):
        assert await store.create(Room(room_id=f"{sys.argv[2]}-{number}", token="t", owner=User("i", "s"), created_at=1,
                                       expires_at=2, max_peers=3))
    await store.close()

asyncio.run(main())
"""


CHANGE = """
import sqlite3, sys

with sqlite3.connect(sys.argv[1]) as database:
    database.execute(sys.argv[2])
database.close()
"""

SCHEMA_1 = """
CREATE TABLE rooms (
    room_id TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    owner_issuer TEXT NOT NULL,
    owner_subject TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    max_peers INTEGER NOT NULL
);
CREATE INDEX rooms_by_expiry ON rooms (expires_at, room_id);
INSERT INTO rooms VALUES ('abcd2345', 'tttttttttttttttttttttttttttttttt', 'heliograph', 'ann', 1800, 9000, 7);
PRAGMA user_version = 1;
"""
"""What the first version of the server wrote."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteRoomStore]:
    made = SqliteRoomStore(tmp_path)
    yield made
    await made.close()


def create_and_be_killed(data_dir: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", CREATE_AND_WAIT, data_dir], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"created\n"
        process.kill()
        assert process.wait(10) == -signal.SIGKILL


def create_from_three_processes(data_dir: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", CREATE_MANY, data_dir, str(number)]) for number in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]


async def test_rooms_outlive_kill_9(tmp_path: Path, store: SqliteRoomStore) -> None:
    create_and_be_killed(tmp_path)
    for number in range(20):
        assert await store.get(f"room{number}") is not None


async def test_processes_share_a_file_from_the_first_moment(tmp_path: Path, store: SqliteRoomStore) -> None:
    create_from_three_processes(tmp_path)
    assert len(await store.expired(before=3, limit=1_000)) == 150


def test_a_store_left_open_does_not_hold_up_the_exit(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", OPEN_AND_END, tmp_path], timeout=20, check=False).returncode == 0


async def test_the_files_are_the_owners_alone(tmp_path: Path, store: SqliteRoomStore) -> None:
    await store.create(a_room())
    for name in (ROOMS_FILE, f"{ROOMS_FILE}-wal", f"{ROOMS_FILE}-shm"):
        assert stat.S_IMODE(os.stat(tmp_path / name).st_mode) == 0o600  # noqa: PTH116


async def test_the_directory_is_made(tmp_path: Path) -> None:
    store = SqliteRoomStore(tmp_path / "not" / "there")
    await store.open()
    await store.close()
    assert (tmp_path / "not" / "there" / ROOMS_FILE).exists()


async def test_a_file_of_something_else_is_refused(tmp_path: Path, store: SqliteRoomStore) -> None:
    (tmp_path / ROOMS_FILE).write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreUnavailable, match=ROOMS_FILE):
        await store.open()
    with pytest.raises(StoreUnavailable):
        await store.get("abcd2345")


async def test_a_file_of_the_first_version_is_brought_up_to_date(tmp_path: Path, store: SqliteRoomStore) -> None:
    with sqlite3.connect(tmp_path / ROOMS_FILE) as database:
        database.executescript(SCHEMA_1)
    database.close()
    assert await store.get("abcd2345") == a_room()
    changed = await store.update("abcd2345", RoomChanges(name="lab", policy=POLICY))
    assert changed == a_room(name="lab", policy=POLICY)
    assert await store.create(a_room("other234", policy=POLICY))
    assert len(await store.owned(ANN, None, limit=10)) == 2
    with sqlite3.connect(tmp_path / ROOMS_FILE) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (2,)
        plan = " ".join(
            row[-1]
            for row in database.execute(
                "EXPLAIN QUERY PLAN SELECT room_id FROM rooms WHERE owner_issuer = 'i' AND owner_subject = 's'"
                " AND (created_at, room_id) < (1, 'a') ORDER BY created_at DESC, room_id DESC"
            )
        )
    database.close()
    assert "rooms_by_owner" in plan
    assert "TEMP B-TREE" not in plan


def test_a_file_of_the_first_version_is_brought_up_to_date_once(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / ROOMS_FILE) as database:
        database.executescript(SCHEMA_1)
    database.close()
    create_from_three_processes(tmp_path)


async def test_a_policy_that_cannot_be_read_admits_nobody(tmp_path: Path, store: SqliteRoomStore) -> None:
    await store.create(a_room())
    with sqlite3.connect(tmp_path / ROOMS_FILE) as database:
        database.execute("UPDATE rooms SET policy = '{'")
    database.close()
    with pytest.raises(StoreUnavailable):
        await store.get("abcd2345")
    with pytest.raises(StoreUnavailable):
        store.get_now("abcd2345")


async def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path, store: SqliteRoomStore) -> None:
    with sqlite3.connect(tmp_path / ROOMS_FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreUnavailable, match="schema 99"):
        await store.open()


async def test_a_store_that_failed_to_open_works_once_the_cause_is_gone(tmp_path: Path, store: SqliteRoomStore) -> None:
    (tmp_path / ROOMS_FILE).mkdir()
    with pytest.raises(StoreUnavailable):
        await store.create(a_room())
    (tmp_path / ROOMS_FILE).rmdir()
    assert await store.create(a_room())


async def test_what_another_process_changes_of_a_room_counts_at_once(tmp_path: Path, store: SqliteRoomStore) -> None:
    await store.create(a_room())
    file = str(tmp_path / ROOMS_FILE)
    for statement, left in (
        ("UPDATE rooms SET token = 'new'", replace(a_room(), token="new")),
        ("UPDATE rooms SET max_peers = 3", replace(a_room(), token="new", max_peers=3)),
        ("DELETE FROM rooms", None),
    ):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", CHANGE, file, statement)
        assert await process.wait() == 0
        assert store.get_now("abcd2345") == left


async def test_after_the_end_nothing_can_be_said_at_once(store: SqliteRoomStore) -> None:
    await store.create(a_room())
    await store.close()
    assert store.get_now("abcd2345") is None


async def test_nobody_waits_for_a_writer_to_know_a_room(tmp_path: Path, store: SqliteRoomStore) -> None:
    await store.create(a_room())
    other = sqlite3.connect(tmp_path / ROOMS_FILE, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE rooms SET token = 'new'")
        assert store.get_now("abcd2345") == a_room(), "what is not committed has not happened"
        other.execute("COMMIT")
        assert store.get_now("abcd2345") == replace(a_room(), token="new")
    finally:
        other.close()


async def test_who_only_reads_writes_nothing(store: SqliteRoomStore) -> None:
    await store.open()
    assert store._reader is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._reader.execute("DELETE FROM rooms")


async def test_a_lock_that_is_never_let_go_is_a_bounded_wait(
    tmp_path: Path, store: SqliteRoomStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.open()
    monkeypatch.setattr(sqlite_module, "STORE_TIMEOUT_S", 0.1)
    other = sqlite3.connect(tmp_path / ROOMS_FILE, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            await store.create(a_room())
        other.execute("ROLLBACK")
    finally:
        other.close()
    monkeypatch.undo()
    assert await store.get("other") is None


async def test_a_broken_table_is_unavailable_not_a_crash(tmp_path: Path, store: SqliteRoomStore) -> None:
    await store.open()
    with sqlite3.connect(tmp_path / ROOMS_FILE) as other:
        other.execute("DROP TABLE rooms")
    other.close()
    assert store.get_now("a") is None
    for call in (
        store.get("a"),
        store.create(a_room()),
        store.delete("a"),
        store.expired(1, 1),
        store.update("a", RoomChanges(name="b")),
        store.owned(ANN, None, 1),
    ):
        with pytest.raises(StoreUnavailable):
            await call


async def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    store = SqliteRoomStore(tmp_path)
    await store.create(a_room())
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.get("abcd2345")


async def test_rooms_are_there_after_a_restart(tmp_path: Path) -> None:
    first = SqliteRoomStore(tmp_path)
    await first.create(a_room())
    await first.close()
    second = SqliteRoomStore(tmp_path)
    assert await second.get("abcd2345") == a_room()
    await second.close()


def test_several_may_open_a_new_file_at_the_same_moment(tmp_path: Path) -> None:
    together = threading.Barrier(OPENERS)

    def opened(path: Path) -> None:
        together.wait()
        open_database(path).close()

    with ThreadPoolExecutor(OPENERS) as threads:
        for number in range(FILES):
            list(threads.map(opened, [tmp_path / f"{number}.sqlite3"] * OPENERS))

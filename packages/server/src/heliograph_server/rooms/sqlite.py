"""Rooms in an SQLite file: they survive a restart with no set-up."""

import asyncio
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Final

import aiosqlite
import msgspec
from msgspec import UNSET
from msgspec.structs import asdict

from heliograph_server.errors import StoreUnavailable
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.batches import Batches
from heliograph_server.rooms.model import Policy, Room, RoomChanges
from heliograph_server.rooms.schema import open_database, open_reader
from heliograph_server.rooms.store import Position

__all__ = ["ROOMS_FILE", "STORE_TIMEOUT_S", "SqliteRoomStore"]

ROOMS_FILE: Final = "rooms.sqlite3"

STORE_TIMEOUT_S: Final = 5.0
"""How long a caller waits, for its turn and for the answer."""

THREAD_END_S: Final = 1.0
"""How long a thread whose connection failed may take to end."""

MAX_INTEGER: Final = 2**63 - 1
"""SQLite's largest."""

_COLUMNS: Final = "room_id, token, owner_issuer, owner_subject, created_at, expires_at, max_peers, name, policy"

_ONE_ROOM: Final = f"SELECT {_COLUMNS} FROM rooms WHERE room_id = ?"  # noqa: S608 - our own column names

_FAILURES: Final = (sqlite3.Error, OSError, TimeoutError, ValueError)
"""`ValueError` is what aiosqlite says when its connection is closed."""


class SqliteRoomStore:
    """A `RoomStore` in `data_dir`. Other processes may use the same file at the same time.

    The file is opened by the first call, or by `open`; where that fails, the next call tries again. What may have to
    wait for others happens in a thread. `get_now` does not: it reads what is in the file at that moment.
    """

    deletes_expired = False

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / ROOMS_FILE
        self._database: aiosqlite.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        """The event loop's own."""
        self._closed = False
        self._turn = asyncio.Lock()
        self._lookups = Batches(self._rooms)

    async def open(self) -> None:
        """Open the file now. Raises `StoreUnavailable`, with a sentence for the operator."""
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S), self._turn:
                await self._opened()
        except _FAILURES as error:
            raise StoreUnavailable(f"The rooms in {self._path} can't be opened: {error or 'no answer'}") from error

    async def create(self, room: Room) -> bool:
        """Keep a new room; False if a room with that id exists."""
        rows = await self._run(
            f"INSERT INTO rooms ({_COLUMNS})"  # noqa: S608 - our own column names, here and below
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1",
            room.room_id,
            room.token,
            room.owner.issuer,
            room.owner.subject,
            room.created_at,
            room.expires_at,
            room.max_peers,
            room.name,
            _policy_text(room.policy),
        )
        return bool(rows)

    def get_now(self, room_id: str) -> Room | None:
        """See `RoomStore.get_now`. A trip to the thread and back takes ten times as long as this look-up."""
        if self._reader is None:
            return None
        try:
            rows = self._reader.execute(_ONE_ROOM, (room_id,)).fetchall()
        except (sqlite3.Error, ValueError):
            return None  # `get` has the time to try again, and says what is wrong
        return _room(rows[0]) if rows else None

    async def get(self, room_id: str) -> Room | None:
        """The room, expired or not. Those who ask while another look-up is under way share the next."""
        return await self._lookups.get(room_id)

    async def update(self, room_id: str, changes: RoomChanges) -> Room | None:
        """The room as it is after these changes, None if there is none."""
        values = {column: value for column, value in asdict(changes).items() if value is not UNSET}
        if not values:
            return await self.get(room_id)
        if "policy" in values:
            values["policy"] = _policy_text(values["policy"])
        assignments = ", ".join(f"{column} = ?" for column in values)
        rows = await self._run(
            f"UPDATE rooms SET {assignments} WHERE room_id = ? RETURNING {_COLUMNS}",  # noqa: S608
            *values.values(),
            room_id,
        )
        return _room(rows[0]) if rows else None

    async def delete(self, room_id: str, *, expired_before: int | None = None) -> bool:
        """Forget a room; False if there was none, or none that expired by then."""
        before = MAX_INTEGER if expired_before is None else expired_before
        return bool(
            await self._run("DELETE FROM rooms WHERE room_id = ? AND expires_at < ? RETURNING 1", room_id, before)
        )

    async def owned(self, owner: User, before: Position | None, limit: int) -> list[Room]:
        """That owner's rooms, newest first."""
        rows = await self._run(
            f"SELECT {_COLUMNS} FROM rooms WHERE owner_issuer = ? AND owner_subject = ?"  # noqa: S608
            " AND (created_at, room_id) < (?, ?) ORDER BY created_at DESC, room_id DESC LIMIT ?",
            owner.issuer,
            owner.subject,
            before.created_at if before else MAX_INTEGER,
            before.room_id if before else "",
            limit,
        )
        return [_room(row) for row in rows]

    async def expired(self, before: int, limit: int) -> list[str]:
        """Ids of rooms that expired before that time, oldest first."""
        rows = await self._run(
            "SELECT room_id FROM rooms WHERE expires_at < ? ORDER BY expires_at, room_id LIMIT ?", before, limit
        )
        return [row[0] for row in rows]

    async def close(self) -> None:
        """Let go of the file. What comes after is refused."""
        self._closed = True
        if self._reader is not None:
            self._reader.close()  # before the other, which tidies the file up if nobody else has it open
            self._reader = None
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S), self._turn:
                if self._database is not None:
                    await self._database.close()
        except _FAILURES as error:
            raise StoreUnavailable("The room store did not close") from error

    async def _rooms(self, room_ids: Sequence[str]) -> dict[str, Room]:
        places = ", ".join("?" * len(room_ids))
        rows = await self._run(f"SELECT {_COLUMNS} FROM rooms WHERE room_id IN ({places})", *room_ids)  # noqa: S608
        return {row[0]: _room(row) for row in rows}

    async def _run(self, statement: str, *values: str | int | None) -> list[Any]:
        """One statement, which is one transaction."""
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S), self._turn:
                database = await self._opened()
                return list(await database.execute_fetchall(statement, values))
        except _FAILURES as error:
            raise StoreUnavailable("The room store did not answer") from error

    async def _opened(self) -> aiosqlite.Connection:
        """The open file. The caller has the turn, for as long as it waits: what waits behind it can't pile up."""
        if self._closed:
            raise StoreUnavailable("The room store is closed")
        if self._database is None:
            database = aiosqlite.Connection(partial(open_database, self._path), iter_chunk_size=64)
            thread = _thread(database)
            thread.daemon = True  # must not hold up the process' exit; aiosqlite has no option for it
            try:
                self._database = await database
            except _FAILURES:
                await asyncio.to_thread(thread.join, THREAD_END_S)  # it speaks to the event loop once more
                raise
            self._reader = open_reader(self._path)
        return self._database


def _room(row: tuple[Any, ...]) -> Room:
    room_id, token, issuer, subject, created_at, expires_at, max_peers, name, policy = row
    return Room(
        room_id=room_id,
        token=token,
        owner=User(issuer=issuer, subject=subject),
        created_at=created_at,
        expires_at=expires_at,
        max_peers=max_peers,
        name=name,
        policy=None if policy is None else _policy(policy),
    )


def _policy(text: str) -> Policy:
    try:
        return msgspec.json.decode(text, type=Policy)
    except msgspec.MsgspecError as error:
        raise StoreUnavailable("The room store holds a policy that can't be read") from error


def _policy_text(policy: Policy | None) -> str | None:
    return None if policy is None else msgspec.json.encode(policy).decode()


def _thread(database: aiosqlite.Connection) -> Thread:
    """The thread of a connection; before aiosqlite 0.22 the connection was one."""
    thread: Thread = vars(database).get("_thread", database)
    return thread

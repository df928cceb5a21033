"""The tables of the embedded room store, and how a database file comes to have them."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Final

__all__ = ["BUSY_TIMEOUT_S", "SchemaTooNew", "open_database", "open_reader"]

BUSY_TIMEOUT_S: Final = 4.0
"""How long a statement waits for another process that is writing."""
BUSY_PAUSE_S: Final = 0.01

PRIMARY_CODE: Final = 0xFF
"""What of an SQLite error says its kind; the rest says more exactly where it came from."""

_MIGRATIONS: Final = (
    (
        """
        CREATE TABLE rooms (
            room_id TEXT PRIMARY KEY,
            token TEXT NOT NULL,
            owner_issuer TEXT NOT NULL,
            owner_subject TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            max_peers INTEGER NOT NULL
        )
        """,
        "CREATE INDEX rooms_by_expiry ON rooms (expires_at, room_id)",
    ),
    (
        "ALTER TABLE rooms ADD COLUMN name TEXT",
        "ALTER TABLE rooms ADD COLUMN policy TEXT",  # JSON
        "CREATE INDEX rooms_by_owner ON rooms (owner_issuer, owner_subject, created_at, room_id)",
    ),
)
"""What takes the schema from version n (SQLite's `user_version`) to n + 1. Only ever added to."""


class SchemaTooNew(sqlite3.DatabaseError):
    """The file was written by a later version of this server."""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file, made with mode 0600 if there is none, and bring its schema up to date.

    Each statement is a transaction of its own. In write-ahead mode with `synchronous = NORMAL` what was committed
    outlives the process, whatever kills it. Raises `sqlite3.Error`, `OSError`.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its side files the mode of the main one
    database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        _write_ahead(database)
        database.execute("PRAGMA synchronous = NORMAL").fetchall()
        _migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def open_reader(path: Path) -> sqlite3.Connection:
    """One more way into a file that is open: for reading, and for that alone.

    In write-ahead mode readers wait for no writer. Should this one have to even so, its statement fails at once.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0, isolation_level=None)


def _write_ahead(database: sqlite3.Connection) -> None:
    """Others may do the same at this moment, or close the file. SQLite itself fails at once then instead of waiting."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_PAUSE_S)
        else:
            return


def _migrate(database: sqlite3.Connection) -> None:
    if _version(database) == len(_MIGRATIONS):
        return
    database.execute("BEGIN IMMEDIATE")
    version = _version(database)  # again: another process may have been first
    if version > len(_MIGRATIONS):
        raise SchemaTooNew(f"it has schema {version}, this version knows {len(_MIGRATIONS)}")
    for number, statements in enumerate(_MIGRATIONS[version:], version + 1):
        for statement in statements:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {number:d}")
    database.execute("COMMIT")


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])

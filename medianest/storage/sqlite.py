"""SQLite: durable commits in WAL mode, and no wait for a lock beyond the deadline."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from medianest.config.private import keep_private, make_private_folder
from medianest.resilience import remaining
from medianest.storage.errors import (
    DatabaseBusyError,
    DatabaseFullError,
    DatabaseReadOnlyError,
    DatabaseReplacedError,
    DatabaseUnavailableError,
    SchemaError,
    StorageError,
)

__all__ = ["READS", "VERSION", "SqliteSavepoint", "changes", "error_of", "make_engine"]

VERSION = "SELECT sqlite_version()"

READS = "medianest_reads"
"""Execution option of connections that do not write: they begin without the writers' lock."""

MAX_WAIT = 10.0
"""Seconds to wait for a lock at most: SQLite's waiting cannot be interrupted."""

_LOG_BYTES = 8 * 1024 * 1024
"""The write-ahead log shrinks to this when a long reader, for whom it grew, is gone. It is twice
what it has in normal use, so that it is not cut and grown again all the time."""

_ERRORS: dict[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_BUSY: (DatabaseBusyError, "the database is locked by another process"),
    sqlite3.SQLITE_LOCKED: (DatabaseBusyError, "the database is locked"),
    sqlite3.SQLITE_FULL: (DatabaseFullError, "the disk is full"),
    sqlite3.SQLITE_READONLY: (DatabaseReadOnlyError, "the database may only be read"),
    sqlite3.SQLITE_CANTOPEN: (DatabaseUnavailableError, "the database file cannot be opened"),
    sqlite3.SQLITE_PERM: (DatabaseUnavailableError, "the database file may not be opened"),
    sqlite3.SQLITE_AUTH: (DatabaseUnavailableError, "the database file may not be opened"),
    sqlite3.SQLITE_IOERR: (DatabaseUnavailableError, "the disk failed"),
    sqlite3.SQLITE_CORRUPT: (DatabaseUnavailableError, "the database file is damaged"),
    sqlite3.SQLITE_NOTADB: (DatabaseUnavailableError, "the file is no SQLite database"),
}


def make_engine(url: URL, *, pool_size: int, timeout: float) -> Engine:
    """An engine for a database in a file, whose folder is made if there is none. Both are for
    this user alone."""
    if url.database:
        with suppress(OSError):  # then it cannot be opened, which is told when it is used
            make_private_folder(Path(url.database).parent)
    engine = create_engine(
        url, pool_size=pool_size, max_overflow=0, pool_use_lifo=True, hide_parameters=True
    )
    if url.database and url.database != ":memory:" and "uri" not in url.query:  # else it is no path
        _File(url.database).guard(engine)  # first, or what is gone would be made anew
        event.listen(engine, "do_connect", partial(_keep_private, Path(url.database)))
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _keep_private(file: Path, *of_the_driver: object) -> None:
    """Before SQLite makes the file as the umask has it; it makes the others like that one."""
    keep_private(file, make=True)
    for suffix in ("-wal", "-shm"):
        keep_private(file.with_name(file.name + suffix))


class _File:
    """The file of an engine, which must stay the one that was opened first. A connection goes on
    with what was moved away or removed, and a new one would make an empty file in its place."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._opened: tuple[int, int] | None = None

    def guard(self, engine: Engine) -> None:
        """Look before each connection and each transaction."""
        event.listen(engine, "do_connect", self._check)
        event.listen(engine, "connect", self._note)
        event.listen(engine, "begin", self._check)

    def _note(self, *_: object) -> None:
        self._opened = self._opened or self._found()

    def _check(self, *_: object) -> None:
        if self._opened is None or self._found() == self._opened:
            return
        what = "removed" if self._found() is None else "replaced"
        raise DatabaseReplacedError(f"the database file was {what} while it was in use: restart")

    def _found(self) -> tuple[int, int] | None:
        """Which file is there now; None where there is none."""
        try:
            status = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:  # it cannot be looked at, which proves nothing
            return self._opened
        return status.st_dev, status.st_ino


def _prepare(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # transactions begin when we say so, in `_begin`
    connection.execute(f"PRAGMA busy_timeout = {_patience()}")
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError:
        pass  # of a file that may only be read, or that is locked now: it works without
    # With NORMAL a power cut could take back a commit that was answered with 202.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {_patience()}")
    reads = connection.get_execution_options().get(READS, False)
    # Writers take the lock at once: one that read first could not wait for it later.
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _patience() -> int:
    return max(1, int(1000 * remaining(MAX_WAIT)))  # the lesser of the two


def changes(connection: Connection) -> int:
    """How many rows this connection has ever changed."""
    driver: Any = connection.connection.driver_connection
    return int(driver.total_changes)


class SqliteSavepoint:
    """A part of a transaction, which can be undone alone; the same as `begin_nested()`, which
    takes thirty times as long and would be a fifth of what it takes to keep an operation."""

    __slots__ = ("_execute",)

    def __init__(self, connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        self._execute = driver.execute
        self._execute("SAVEPOINT part")

    def commit(self) -> None:
        """Leave it to the transaction."""
        self._execute("RELEASE part")

    def rollback(self) -> None:
        """Undo it. Raises where SQLite has undone the whole transaction, as on a full disk."""
        self._execute("ROLLBACK TO part")
        self._execute("RELEASE part")


def error_of(error: BaseException) -> StorageError | None:
    """What an error of the driver means; None for one that is nobody's trouble but ours."""
    code: Any = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    if code == sqlite3.SQLITE_ERROR and "no such" in str(error):
        return SchemaError("the tables are not those of this version; run medianest db upgrade")
    kind = _ERRORS.get(code & 0xFF)  # the low byte is the kind, the rest a detail of it
    return None if kind is None else kind[0](kind[1])

"""SQLite in trouble: locked, full, read-only, and many who write."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from medianest.config import DatabaseSettings
from medianest.resilience import ResilienceService
from medianest.storage import (
    DatabaseFullError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
)
from medianest.storage.database import Database
from medianest.storage.schema import head_revision
from tests.support.waiting import wait_until


def one(connection: Connection) -> int:
    return connection.execute(text("SELECT 1")).scalar_one()


def grow(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE IF NOT EXISTS big (x TEXT)"))
    for _ in range(200):
        connection.execute(text("INSERT INTO big VALUES (:x)"), {"x": "x" * 10_000})


def test_what_grew_for_a_long_reader_shrinks_when_the_reader_is_gone(
    connect: Callable[..., Database], tmp_path: Path
) -> None:
    """Keeps out: a write-ahead log that keeps the disk full until all processes have ended."""
    path, log = tmp_path / "medianest.db", tmp_path / "medianest.db-wal"
    database = connect(f"sqlite:///{path}")
    database.upgrade()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM audit").fetchall()
    for _ in range(8):
        database.write(grow)
    assert log.stat().st_size > 16_000_000
    reader.execute("COMMIT")
    reader.close()
    for _ in range(2):  # one copies all of it into the database, the next begins it anew
        database.write(lambda c: c.execute(text("INSERT INTO big VALUES ('x')")))
    assert log.stat().st_size <= 8 * 1024 * 1024


def test_a_full_disk_is_told_and_what_was_kept_is_intact(
    connect: Callable[..., Database], tmp_path: Path
) -> None:
    """SQLite itself says that the disk is full when the file may not grow."""
    database = connect(f"sqlite:///{tmp_path / 'medianest.db'}")
    database.upgrade()

    def fill(connection: Connection) -> None:
        connection.execute(text("PRAGMA max_page_count = 60"))
        grow(connection)

    with pytest.raises(DatabaseFullError, match="disk is full"):
        database.write(fill)
    assert database.revision() == head_revision()
    assert database.read(lambda c: c.execute(text("PRAGMA integrity_check")).scalar()) == "ok"
    database.close()
    database.write(grow)  # by a new connection, which knows no such limit


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_really_full_is_told_too(
    connect: Callable[..., Database], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)])
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        database = connect(f"sqlite:///{disk / 'medianest.db'}")
        database.upgrade()
        with pytest.raises(DatabaseFullError):
            database.write(grow)
        assert database.revision() == head_revision()
        database.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_file_that_may_only_be_read_is_read_and_told(connect: Callable[..., Database]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="medianest-read-only-"))
    url = f"sqlite:///{folder / 'medianest.db'}"
    database = connect(url)
    database.upgrade()
    database.close()
    (folder / "medianest.db").chmod(0o444)
    folder.chmod(0o777)
    try:
        told = _as_nobody(lambda: _read_and_write(url))
    finally:
        shutil.rmtree(folder)
    assert told == [head_revision(), "DatabaseReadOnlyError: the database may only be read"]


def _read_and_write(url: str) -> Any:
    database = Database(url, DatabaseSettings(), ResilienceService(), threads=4)
    told = [database.revision()]
    try:
        database.write(lambda c: c.execute(text("DELETE FROM audit")))
    except DatabaseReadOnlyError as error:
        told.append(f"{type(error).__name__}: {error}")
    return told


def _as_nobody(function: Callable[..., Any]) -> list[str]:
    """In a child, which root's rights do not help."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            os.write(writer, json.dumps(function()).encode())
        except BaseException as error:
            os.write(writer, json.dumps(repr(error)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        answer = json.load(told)
    os.waitpid(child, 0)
    return answer


def test_a_folder_that_cannot_be_made_is_a_database_that_is_away(
    connect: Callable[..., Database],
) -> None:
    database = connect("sqlite:////proc/nowhere/medianest.db")
    with pytest.raises(DatabaseUnavailableError):
        database.read(one)


def inserting(number: float) -> Callable[..., Any]:
    return lambda c: c.execute(text("INSERT INTO t VALUES (:x)"), {"x": number}).rowcount


def kept(database: Database) -> Sequence[float]:
    return database.read(
        lambda c: c.execute(text("SELECT x FROM t ORDER BY rowid")).scalars().all()
    )


def is_waited_for(database: Database, count: int) -> bool:
    return database.waiting_writes == count


def together(
    database: Database, first: Callable[..., Any], *others: Callable[..., Any]
) -> list[Future[Any]]:
    """Have the others written in one transaction, once the first is written."""
    inside, leave = threading.Event(), threading.Event()

    def held(connection: Connection) -> int:
        inside.set()
        leave.wait(10)
        return first(connection)

    with ThreadPoolExecutor(1 + len(others)) as pool:
        writers = [pool.submit(database.write, held)]
        inside.wait(10)
        for count, other in enumerate(others, 1):
            writers.append(pool.submit(database.write, other))
            wait_until(partial(is_waited_for, database, count))
        leave.set()
    return writers


def test_writers_of_a_file_take_turns(connect: Callable[..., Database], tmp_path: Path) -> None:
    """Keeps out: some of many writers that wait by chance, and others for ever."""
    database = connect(f"sqlite:///{tmp_path / 'medianest.db'}")
    database.write(lambda c: c.execute(text("CREATE TABLE t (x INTEGER)")))
    for writer in together(database, *[inserting(number) for number in range(4)]):
        writer.result(10)
    assert kept(database) == list(range(4))


def test_what_a_writer_did_who_fails_is_undone_alone(
    connect: Callable[..., Database], tmp_path: Path
) -> None:
    database = connect(f"sqlite:///{tmp_path / 'medianest.db'}")
    database.write(lambda c: c.execute(text("CREATE TABLE t (x INTEGER UNIQUE)")))

    def twice(connection: Connection) -> None:
        inserting(10)(connection)
        inserting(1)(connection)  # is there already

    writers = together(database, inserting(0), inserting(1), twice, inserting(2))
    assert isinstance(writers[2].exception(10), IntegrityError)
    assert [writers[n].result(10) for n in (0, 1, 3)] == [1, 1, 1]
    assert kept(database) == [0, 1, 2]


def test_one_writer_for_whom_there_is_no_room_leaves_it_to_the_others(
    connect: Callable[..., Database], tmp_path: Path
) -> None:
    """A full disk has SQLite undo the whole transaction."""
    database = connect(f"sqlite:///{tmp_path / 'medianest.db'}")
    database.write(lambda c: c.execute(text("CREATE TABLE t (x INTEGER)")))

    def filling(connection: Connection) -> None:
        connection.execute(text("PRAGMA max_page_count = 60"))
        grow(connection)

    writers = together(database, inserting(0), inserting(1), filling, inserting(2))
    assert isinstance(writers[2].exception(10), DatabaseFullError)
    assert [writers[n].result(10) for n in (0, 1, 3)] == [1, 1, 1]
    assert kept(database) == [0, 1, 2]


def test_the_files_are_nobody_elses_whatever_the_umask_is(
    connect: Callable[..., Database], tmp_path: Path
) -> None:
    """Keeps out: requests, users and the audit in a file that everybody on this machine reads."""
    folder, file = tmp_path / "new" / "folder", tmp_path / "new" / "folder" / "medianest.db"
    before = os.umask(0)
    try:
        database = connect(f"sqlite:///{file}")
        database.upgrade()
        seen = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
    finally:
        os.umask(before)
    assert seen == dict.fromkeys(("medianest.db", "medianest.db-wal", "medianest.db-shm"), 0o600)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_files_of_an_earlier_version_are_taken_away_from_others(
    connect: Callable[..., Database], tmp_path: Path
) -> None:
    file = tmp_path / "medianest.db"
    file.touch()
    file.chmod(0o664)
    tmp_path.chmod(0o755)
    connect(f"sqlite:///{file}").upgrade()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755  # a folder that was there may be others'

"""A SQLite file that another process holds: nobody waits beyond the own deadline."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from medianest.config import DatabaseSettings
from medianest.resilience import Deadline, ResilienceService
from medianest.storage import (
    DatabaseBusyError,
)
from medianest.storage.database import Database
from tests.support.waiting import wait_until

MARGIN = 0.25


def one(connection: Connection) -> int:
    return connection.execute(text("SELECT 1")).scalar_one()


def inserting(number: float) -> Callable[..., Any]:
    return lambda c: c.execute(text("INSERT INTO t VALUES (:x)"), {"x": number}).rowcount


def kept(database: Database) -> Sequence[float]:
    return database.read(
        lambda c: c.execute(text("SELECT x FROM t ORDER BY rowid")).scalars().all()
    )


def is_waited_for(database: Database, count: int) -> bool:
    return database.waiting_writes == count


def test_a_lock_that_another_process_holds_is_waited_for_until_the_deadline(
    connect: Callable[..., Database], tmp_path: Path
) -> None:
    path = tmp_path / "medianest.db"
    database = connect(f"sqlite:///{path}")
    database.upgrade()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Deadline(0.5).scope():
        began = time.monotonic()
        with pytest.raises(DatabaseBusyError):
            database.write(one)
        assert time.monotonic() - began < 0.5 + MARGIN
    assert database.read(one) == 1  # readers wait for nobody
    with Deadline(5).scope(), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(database.write, one)
        other.execute("COMMIT")
        assert waiting.result(5) == 1
    other.close()


def within(
    seconds: float, database: Database, operation: Callable[..., Any]
) -> tuple[int | DatabaseBusyError, float]:
    """What comes of it, and how long it takes."""
    began = time.monotonic()
    try:
        with Deadline(seconds).scope():
            result = database.write(operation)
    except Exception as error:
        result = error
    return result, time.monotonic() - began


@pytest.mark.parametrize("times", [(1.0, 3.5), (3.5, 1.0)], ids=["who writes", "who waits"])
def test_who_has_less_time_waits_no_longer_for_a_lock_than_that(
    tmp_path: Path, times: tuple[float, float]
) -> None:
    """Keeps out: all that are to be written together wait as long as one of them may."""
    path = tmp_path / "medianest.db"
    database = Database(f"sqlite:///{path}", DatabaseSettings(), ResilienceService(), threads=8)
    database.write(lambda c: c.execute(text("CREATE TABLE t (x REAL)")))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(3) as pool:
        # When the first has failed, the others are to be written together.
        calls = {0.4: pool.submit(within, 0.4, database, one)}
        wait_until(lambda: database.pool().in_use == 1)
        for count, seconds in enumerate(times, 1):
            calls[seconds] = pool.submit(within, seconds, database, inserting(seconds))
            wait_until(partial(is_waited_for, database, count))
        for seconds in (0.4, 1.0):
            result, took = calls[seconds].result(10)
            assert isinstance(result, DatabaseBusyError)
            assert took < seconds + MARGIN
        other.execute("COMMIT")
        assert calls[3.5].result(10)[0] == 1
    assert kept(database) == [3.5]
    other.close()
    database.close()


def test_who_reads_a_file_finds_a_connection_while_writers_wait(
    connect: Callable[..., Database], tmp_path: Path
) -> None:
    path = tmp_path / "medianest.db"
    database = connect(f"sqlite:///{path}", timeout=2.0, pool_size=7)
    database.upgrade()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(database.write, one) for _ in range(8)]
        began = time.monotonic()
        assert database.read(one) == 1
        assert time.monotonic() - began < 1.0
        other.execute("COMMIT")
        assert {writer.result(10) for writer in writers} == {1}
    other.close()

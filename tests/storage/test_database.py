"""The database in trouble: no wait beyond the deadline, own errors, one reconnect."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from medianest import names
from medianest.config import DatabaseSettings
from medianest.resilience import Bulkhead, CircuitOpenError, Deadline, ResilienceService
from medianest.storage import (
    Database,
    DatabaseBusyError,
    DatabaseFullError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    SchemaError,
    schema,
)
from medianest.storage.schema import head_revision
from tests.postgres import PostgresProcess

MARGIN = 0.25


def one(connection):
    return connection.execute(text("SELECT 1")).scalar()


def grow(connection):
    connection.execute(text("CREATE TABLE IF NOT EXISTS big (x TEXT)"))
    for _ in range(200):
        connection.execute(text("INSERT INTO big VALUES (:x)"), {"x": "x" * 10_000})


@pytest.fixture
def own_postgres():
    """A server that a test may freeze and kill, and a database in it for real time."""
    server = PostgresProcess()
    service = ResilienceService()
    settings = DatabaseSettings(timeout=1.0, reset_timeout=0.2, max_reset_timeout=0.2)
    database = Database(server.url(), settings, service, threads=16)
    database.service = service
    yield server, database
    database.close()
    server.stop()


def test_migrations_make_the_tables_and_doing_it_again_does_nothing(connect, url):
    database = connect(url)
    assert database.revision() is None
    with pytest.raises(SchemaError, match="flask db upgrade"):
        database.read(lambda c: c.execute(text("SELECT * FROM audit")).all())
    assert database.upgrade() == (None, head_revision())
    assert database.upgrade() == (head_revision(), head_revision())
    assert database.revision() == head_revision()


def test_many_processes_that_migrate_at_once_do_it_once(connect, url):
    databases = [connect(url) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        befores = [before for before, _ in pool.map(lambda d: d.upgrade(), databases)]
    assert sorted(befores, key=str) == [head_revision()] * 5 + [None]


def test_a_transaction_that_fails_leaves_nothing(database):
    def insert_and_fail(connection):
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        database.write(insert_and_fail)
    with pytest.raises(SchemaError):
        database.read(lambda c: c.execute(text("SELECT * FROM t")).all())


def test_a_frozen_server_is_left_at_the_deadline_and_works_again_after_it(own_postgres):
    server, database = own_postgres
    assert database.read(one) == 1
    server.freeze()
    try:
        with Deadline(1.5).scope():
            began = time.monotonic()
            with pytest.raises(DatabaseUnavailableError):
                database.read(one)
            assert time.monotonic() - began < 1.5 + MARGIN
    finally:
        server.thaw()
    assert database.read(one) == 1


def test_the_pool_recovers_when_every_connection_was_left(own_postgres):
    server, database = own_postgres

    def ask(_):
        with Deadline(0.8).scope():
            try:
                return database.read(one)
            except (DatabaseUnavailableError, CircuitOpenError):
                return None

    server.freeze()
    try:
        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(ask, range(40))) == {None}
    finally:
        server.thaw()
    until = time.monotonic() + 5
    while [ask(0) for _ in range(5)] != [1] * 5:  # until the breaker has closed again
        assert time.monotonic() < until
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(40))) == {1}


def test_a_server_that_was_killed_and_started_again_costs_one_reconnect_and_no_error(own_postgres):
    server, database = own_postgres
    gate = threading.Barrier(16)

    def ask(_):
        gate.wait()
        return database.read(one)

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(16))) == {1}
        server.kill()
        server.start()
        assert set(pool.map(ask, range(16))) == {1}
        assert set(pool.map(ask, range(16))) == {1}
    history = database.service.recovery.history.records()
    runs = [
        step.outcome for record in history for step in record.steps if step.outcome != "declined"
    ]
    assert runs.count("run_again") == 1
    assert set(runs) <= {"run_again", "shared"}


def test_a_server_that_is_not_there_is_told_without_its_address():
    service = ResilienceService()
    url = "postgresql://kim:s3cret@127.0.0.1:1/x"
    database = Database(url, DatabaseSettings(timeout=1.0), service, threads=4)
    with pytest.raises(DatabaseUnavailableError) as caught:
        database.read(one)
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_a_lock_that_another_process_holds_is_waited_for_until_the_deadline(connect, tmp_path):
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


def test_a_full_disk_is_told_and_what_was_kept_is_intact(connect, tmp_path):
    """SQLite itself says that the disk is full when the file may not grow."""
    database = connect(f"sqlite:///{tmp_path / 'medianest.db'}")
    database.upgrade()

    def fill(connection):
        connection.execute(text("PRAGMA max_page_count = 60"))
        grow(connection)

    with pytest.raises(DatabaseFullError, match="disk is full"):
        database.write(fill)
    assert database.revision() == head_revision()
    assert database.read(lambda c: c.execute(text("PRAGMA integrity_check")).scalar()) == "ok"
    database.close()
    database.write(grow)  # by a new connection, which knows no such limit


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_really_full_is_told_too(connect, tmp_path):
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


def test_a_file_that_may_only_be_read_is_read_and_told(connect):
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


def _read_and_write(url):
    database = Database(url, DatabaseSettings(), ResilienceService(), threads=4)
    told = [database.revision()]
    try:
        database.write(lambda c: c.execute(text("DELETE FROM audit")))
    except DatabaseReadOnlyError as error:
        told.append(f"{type(error).__name__}: {error}")
    return told


def _as_nobody(function):
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


def test_the_name_of_the_database_is_looked_up_within_the_deadline(monkeypatch):
    """Keeps out: a name server that does not answer holds a thread for as long as it likes."""
    over = threading.Event()

    def hang(*args, **kwargs):
        over.wait(10)
        raise socket.gaierror("at last")

    monkeypatch.setattr(names.socket, "getaddrinfo", hang)
    url = "postgresql://kim@database.invalid/x"
    database = Database(url, DatabaseSettings(timeout=0.4), ResilienceService(), threads=4)
    with Deadline(0.5).scope():
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            database.read(one)
        assert time.monotonic() - began < 0.5 + MARGIN
    over.set()


def test_a_database_is_found_by_its_name(postgres):
    url = postgres.url().replace("127.0.0.1", "localhost")
    database = Database(url, DatabaseSettings(), ResilienceService(), threads=4)
    assert database.read(one) == 1
    database.close()


def test_a_row_that_another_one_holds_is_busy_and_not_away(postgres, connect):
    """Keeps out: a lock taken for an outage, and the database cut off for everybody."""
    url = postgres.make_database("locked")
    holder, database = connect(url), connect(url, timeout=0.8)
    holder.upgrade()
    holder.write(lambda c: c.execute(text("CREATE TABLE t AS SELECT 1 AS x")))
    held, done = threading.Event(), threading.Event()

    def hold(connection):
        connection.execute(text("UPDATE t SET x = 2"))
        held.set()
        done.wait(10)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(holder.write, hold)
        held.wait(10)
        with pytest.raises(DatabaseBusyError):
            database.write(lambda c: c.execute(text("UPDATE t SET x = 3")))
        done.set()
        holding.result(10)
    assert database.service.registry.breaker("database").snapshot().counts.failures == 0


def test_a_migration_may_take_longer_than_a_transaction(postgres, connect, monkeypatch):
    database = connect(postgres.make_database("slow"), timeout=0.3)
    upgrade = schema.upgrade

    def slow(connection):
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_sleep(0.6)"))
        return upgrade(connection)

    monkeypatch.setattr(schema, "upgrade", slow)
    assert database.upgrade() == (None, head_revision())


def test_tables_newer_than_this_version_are_told(database):
    database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(SchemaError, match="newer than this version"):
        database.upgrade()


def test_a_folder_that_cannot_be_made_is_a_database_that_is_away(connect):
    database = connect("sqlite:////proc/nowhere/medianest.db")
    with pytest.raises(DatabaseUnavailableError):
        database.read(one)


def test_writers_of_a_file_take_turns(connect, tmp_path):
    """Keeps out: some of many writers that wait by chance, and others for ever."""
    database = connect(f"sqlite:///{tmp_path / 'medianest.db'}")
    database.write(lambda c: c.execute(text("CREATE TABLE t (x INTEGER)")))
    turns = database._writing.find(Bulkhead)
    inside, leave = threading.Event(), threading.Event()

    def insert(connection, number):
        if number == 0:
            inside.set()
            leave.wait(10)
        connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": number})

    with ThreadPoolExecutor(16) as pool:
        writers = [pool.submit(database.write, insert, 0)]
        inside.wait(10)
        for number in range(1, 16):
            writers.append(pool.submit(database.write, insert, number))
            while turns.snapshot().waiting < number:
                time.sleep(0.001)
        leave.set()
        for writer in writers:
            writer.result(10)
    rows = database.read(
        lambda c: c.execute(text("SELECT x FROM t ORDER BY rowid")).scalars().all()
    )
    assert rows == list(range(16))


def test_a_lock_is_a_lock_however_little_time_is_left(postgres, connect):
    """Keeps out: the same lock, taken for an outage because the request has little time left."""
    url = postgres.make_database("short")
    holder, database = connect(url), connect(url)
    holder.upgrade()
    holder.write(lambda c: c.execute(text("CREATE TABLE t AS SELECT 1 AS x")))
    held, done = threading.Event(), threading.Event()

    def hold(connection):
        connection.execute(text("UPDATE t SET x = 2"))
        held.set()
        done.wait(10)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(holder.write, hold)
        held.wait(10)
        with Deadline(0.6).scope(), pytest.raises(DatabaseBusyError):
            database.write(lambda c: c.execute(text("UPDATE t SET x = 3")))
        done.set()
        holding.result(10)


def test_who_reads_a_file_finds_a_connection_while_writers_wait(connect, tmp_path):
    path = tmp_path / "medianest.db"
    database = connect(f"sqlite:///{path}", timeout=2.0, pool_size=4)
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

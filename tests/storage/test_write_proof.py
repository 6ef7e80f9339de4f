"""Whether a database that can be read can also be written, as its check sees."""

import decimal
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from medianest.dependencies.checks import DatabaseCheck
from medianest.health import Status
from medianest.resilience import Deadline, ManualClock
from medianest.storage import DatabaseReplacedError
from medianest.storage.database import Database
from tests.support.narrowing import not_none
from tests.support.postgres import PostgresProcess


def proofs(database: Database) -> decimal.Decimal | int | None:
    return database.read(lambda c: c.execute(text("SELECT sum(number) FROM write_proof")).scalar())


def note(connection: Connection, alert: str = "a") -> None:
    connection.execute(
        text("INSERT INTO dependencies VALUES (:name, '{}', null, :at, :at)"),
        {"name": alert, "at": "2026-01-01 00:00:00.000000"},
    )


@pytest.fixture
def sqlite(connect: Callable[..., Database], tmp_path: Path) -> Database:
    database = connect(f"sqlite:///{tmp_path / 'medianest.db'}")
    database.upgrade()
    return database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "medianest.db"


def test_a_database_that_is_well_is_written_and_that_is_committed(
    database: Database, connect: Callable[..., Database], url: str
) -> None:
    check = DatabaseCheck(database)
    assert [check().status for _ in range(3)] == [Status.HEALTHY] * 3
    assert proofs(connect(url)) == 3


def test_what_has_just_been_written_needs_no_proof(sqlite: Database, clock: ManualClock) -> None:
    check = DatabaseCheck(sqlite, proven_for=10)
    clock.advance(10)
    sqlite.write(note)
    assert check().status is Status.HEALTHY
    assert proofs(sqlite) is None
    clock.advance(10)
    check()
    assert proofs(sqlite) == 1


def test_a_transaction_that_wrote_nothing_proves_nothing(
    sqlite: Database, clock: ManualClock
) -> None:
    """Keeps out: the queue looks for what is due, finds nothing, and the full disk is well."""
    clock.advance(10)
    sqlite.write(lambda c: c.execute(text("DELETE FROM alerts WHERE key = 'nobody'")))
    with suppress(ZeroDivisionError):
        sqlite.write(lambda c: (note(c), 1 / 0))
    DatabaseCheck(sqlite, proven_for=10)()
    assert proofs(sqlite) == 1


def test_a_file_that_another_process_holds_is_not_well(sqlite: Database, file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Deadline(0.2).scope():
        found = DatabaseCheck(sqlite)()
    assert found.status is Status.UNHEALTHY
    assert found.message == "it does not accept writes: the database is locked by another process"
    assert found.detail["revision"] is not None  # it can be read
    other.close()
    assert DatabaseCheck(sqlite)().status is Status.HEALTHY


def test_a_server_that_may_only_be_read_is_not_well_until_it_may_be_written(
    connect: Callable[..., Database], postgres: PostgresProcess
) -> None:
    """As a standby is, after a failover that went the other way."""
    database = connect(postgres.make_database("standby"))
    database.upgrade()
    check = DatabaseCheck(database)
    postgres.execute("ALTER DATABASE standby SET default_transaction_read_only = on")
    database.close()
    found = check()
    assert found.status is Status.UNHEALTHY
    assert found.message == "it does not accept writes: the database may only be read"
    postgres.execute("ALTER DATABASE standby SET default_transaction_read_only = off")
    assert check().status is Status.HEALTHY


def test_a_table_that_is_full_to_the_last_page_is_not_well(sqlite: Database) -> None:
    with sqlite.engine.connect() as connection:
        driver = not_none(connection.connection.driver_connection)
        driver.execute("DROP TABLE write_proof")
        driver.execute("CREATE TABLE write_proof (id INTEGER PRIMARY KEY, number, pad)")
        driver.execute(
            "CREATE TRIGGER grows AFTER INSERT ON write_proof BEGIN "
            "UPDATE write_proof SET pad = zeroblob(100000); END"
        )
        driver.execute("PRAGMA max_page_count = 1")
    found = DatabaseCheck(sqlite)()
    assert found.status is Status.UNHEALTHY
    assert found.message == "it does not accept writes: the disk is full"


@pytest.mark.parametrize("what", ["removed", "replaced"])
def test_nothing_is_promised_into_a_file_that_is_gone(
    sqlite: Database, file: Path, what: str
) -> None:
    """Keeps out: accepted, and written into a file that has no name any more."""
    sqlite.write(note)
    away = file.with_suffix(".away")
    file.rename(away)
    if what == "replaced":
        file.write_bytes(b"")
    with pytest.raises(DatabaseReplacedError, match=f"was {what} while it was in use: restart"):
        sqlite.write(note, "b")
    sqlite.close()  # a new connection would make a new file
    with pytest.raises(DatabaseReplacedError):
        sqlite.write(note, "b")
    with pytest.raises(DatabaseReplacedError):
        DatabaseCheck(sqlite)()
    assert file.exists() == (what == "replaced")
    away.replace(file)
    sqlite.write(note, "b")
    assert DatabaseCheck(sqlite)().status is Status.HEALTHY

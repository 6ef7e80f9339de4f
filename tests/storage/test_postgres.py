"""PostgreSQL: locks that are no outage, names, and migrations that take long."""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import alembic.command
import alembic.config
import pytest
from sqlalchemy import Connection, text

from medianest.config import DatabaseSettings
from medianest.resilience import Deadline, ResilienceService
from medianest.storage import (
    DatabaseBusyError,
    DatabaseUnavailableError,
)
from medianest.storage.schema import head_revision
from tests.storage.conftest import ServedDatabase
from tests.support.postgres import PostgresProcess

_numbers = itertools.count()


def one(connection: Connection) -> int:
    return connection.execute(text("SELECT 1")).scalar_one()


def test_a_server_that_is_not_there_is_told_without_its_address() -> None:
    service = ResilienceService()
    url = "postgresql://kim:s3cret@127.0.0.1:1/x"
    database = ServedDatabase(url, DatabaseSettings(timeout=1.0), service, threads=4)
    with pytest.raises(DatabaseUnavailableError) as caught:
        database.read(one)
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_a_database_is_found_by_its_name(postgres: PostgresProcess) -> None:
    url = postgres.url().replace("127.0.0.1", "localhost")
    database = ServedDatabase(url, DatabaseSettings(), ResilienceService(), threads=4)
    assert database.read(one) == 1
    database.close()


@pytest.fixture
def held_row(postgres: PostgresProcess, connect: Callable[..., ServedDatabase]) -> Iterator[str]:
    """The URL of a database in whose table `t` another connection holds the only row."""
    url = postgres.make_database(f"held_{next(_numbers)}")
    holder, held, done = connect(url), threading.Event(), threading.Event()
    holder.upgrade()
    holder.write(lambda c: c.execute(text("CREATE TABLE t AS SELECT 1 AS x")))

    def hold(connection: Connection) -> None:
        connection.execute(text("UPDATE t SET x = 2"))
        held.set()
        done.wait(10)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(holder.write, hold)
        assert held.wait(10)
        yield url
        done.set()
        holding.result(10)


@pytest.mark.parametrize("left", [3.0, 0.6])
def test_a_row_that_another_one_holds_is_busy_and_not_away(
    held_row: str, connect: Callable[..., ServedDatabase], left: float
) -> None:
    """Keeps out: a lock taken for an outage, and the database cut off for everybody; also where
    the request has less time left than a transaction may take."""
    database = connect(held_row, timeout=0.8)
    with Deadline(left).scope(), pytest.raises(DatabaseBusyError):
        database.write(lambda c: c.execute(text("UPDATE t SET x = 3")))
    assert database.service.registry.breaker("database").snapshot().counts.failures == 0


def test_a_migration_may_take_longer_than_a_transaction(
    postgres: PostgresProcess,
    connect: Callable[..., ServedDatabase],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = connect(postgres.make_database("slow"), timeout=0.3)
    migrate = alembic.command.upgrade

    def slow(config: alembic.config.Config, revision: str) -> None:
        config.attributes["connection"].execute(text("SELECT pg_sleep(0.6)"))
        migrate(config, revision)

    monkeypatch.setattr(alembic.command, "upgrade", slow)
    assert database.upgrade() == (None, head_revision())

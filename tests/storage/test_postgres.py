"""PostgreSQL in trouble: no wait beyond the deadline, one reconnect, locks that are no outage."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import alembic.command
import alembic.config
import pytest
from sqlalchemy import Connection, text

from medianest.config import DatabaseSettings
from medianest.resilience import CallRefusedError, Deadline, ResilienceService
from medianest.storage import (
    DatabaseBusyError,
    DatabaseUnavailableError,
)
from medianest.storage.schema import head_revision
from tests.storage.conftest import ServedDatabase
from tests.support.postgres import PostgresProcess

MARGIN = 0.25

_numbers = itertools.count()


def one(connection: Connection) -> int:
    return connection.execute(text("SELECT 1")).scalar_one()


@pytest.fixture
def own_postgres() -> Iterator[tuple[PostgresProcess, ServedDatabase]]:
    """A server that a test may freeze and kill, and a database in it for real time."""
    server = PostgresProcess()
    service = ResilienceService()
    settings = DatabaseSettings(timeout=1.0, reset_timeout=0.2, max_reset_timeout=0.2)
    database = ServedDatabase(server.url(), settings, service, threads=16)
    database.service = service
    yield server, database
    database.close()
    server.stop()


def test_a_frozen_server_is_left_at_the_deadline_and_works_again_after_it(
    own_postgres: tuple[PostgresProcess, ServedDatabase],
) -> None:
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


def test_the_pool_recovers_when_every_connection_was_left(
    own_postgres: tuple[PostgresProcess, ServedDatabase],
) -> None:
    server, database = own_postgres

    def ask(_: int) -> int | None:
        with Deadline(0.8).scope():
            try:
                return database.read(one)
            except (DatabaseUnavailableError, CallRefusedError):
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


def test_a_server_that_was_killed_and_started_again_costs_one_reconnect_and_no_error(
    own_postgres: tuple[PostgresProcess, ServedDatabase],
) -> None:
    server, database = own_postgres
    # Many fail at once, so that the breaker may open before one of them has reconnected; what then
    # closes it is the app's.
    database.service.registry.breaker("database").disable()
    gate = threading.Barrier(16)

    def ask(_: int) -> int:
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
    assert runs.count("repaired") == 1
    assert set(runs) <= {"repaired", "shared"}


def test_a_server_that_is_not_there_is_told_without_its_address() -> None:
    service = ResilienceService()
    url = "postgresql://kim:s3cret@127.0.0.1:1/x"
    database = ServedDatabase(url, DatabaseSettings(timeout=1.0), service, threads=4)
    with pytest.raises(DatabaseUnavailableError) as caught:
        database.read(one)
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_the_name_of_the_database_is_looked_up_within_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keeps out: a name server that does not answer holds a thread for as long as it likes."""
    over = threading.Event()

    def hang(*args: str | int, **kwargs: Any) -> NoReturn:
        over.wait(10)
        raise socket.gaierror("at last")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    url = "postgresql://kim@database.invalid/x"
    database = ServedDatabase(url, DatabaseSettings(timeout=0.4), ResilienceService(), threads=4)
    with Deadline(0.5).scope():
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            database.read(one)
        assert time.monotonic() - began < 0.5 + MARGIN
    over.set()


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
